"""The record over HTTP: the native API, the pages, and the news as they come. Home of starlette and jinja2."""
