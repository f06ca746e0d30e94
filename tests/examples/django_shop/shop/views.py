"""What the shop answers."""

import smtplib

from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

signer = TimestampSigner()


@csrf_exempt
@require_POST
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account that sleeps, and mail the link that wakes it."""
    address = request.POST["email"]
    user = User.objects.create_user(address, address, is_active=False)
    link = request.build_absolute_uri(reverse("confirm", args=[signer.sign(user.pk)]))
    mail = EmailMultiAlternatives("Welcome to the shop", f"Please confirm: {link}", to=[address])
    mail.attach_alternative(f'<p>Please <a href="{link}">confirm</a></p>', "text/html")
    try:
        mail.send()
    except (smtplib.SMTPException, OSError) as error:
        user.delete()
        return JsonResponse({"error": "the mail could not be sent", "reason": str(error)}, status=503)
    return JsonResponse({"sent_to": address}, status=202)


def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Wake the account."""
    try:
        key = signer.unsign(token, max_age=86400)
    except BadSignature:
        return HttpResponse(status=404)
    User.objects.filter(pk=key).update(is_active=True)
    return HttpResponse("welcome")
