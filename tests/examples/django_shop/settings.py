"""The settings of the shop."""

SECRET_KEY = "not for production"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
ROOT_URLCONF = "shop.urls"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DEFAULT_FROM_EMAIL = "shop@example.com"
EMAIL_HOST = "smtp.example.com"
