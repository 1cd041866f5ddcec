"""What urllib, Werkzeug and Django read of requests that a WSGI server hands over, in the format of reading.go."""

import io
import struct
import sys
from urllib.parse import parse_qsl, unquote_to_bytes

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, path, resolve
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.wrappers import Request

AUTHORIZE, TOKEN = sys.argv[1:]
FORM = "application/x-www-form-urlencoded"

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
django.setup()
urlpatterns = [path(AUTHORIZE[1:], lambda request: None, name="authorize"), path(TOKEN[1:], lambda request: None, name="token")]
routes = Map([Rule(AUTHORIZE, endpoint="authorize"), Rule(TOKEN, endpoint="token")])


def text(value):
    value = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return struct.pack(">I", len(value)) + value


def reading(endpoint, pairs):
    return text(endpoint) + struct.pack(">I", len(pairs)) + b"".join(text(name) + text(value) for name, value in pairs)


def refusal(error):
    return text("!" + type(error).__name__) + struct.pack(">I", 0)


def with_urllib(environ, body):
    endpoint = {AUTHORIZE: "authorize", TOKEN: "token"}.get(environ["PATH_INFO"], "")
    pairs = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
    if environ["CONTENT_TYPE"].partition(";")[0].strip().lower() == FORM:
        pairs += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return reading(endpoint, pairs)


def with_werkzeug(environ):
    request = Request(environ)
    try:
        endpoint = routes.bind_to_environ(environ).match(method=None)[0]
    except RequestRedirect:
        endpoint = ""  # the client would have to ask anew
    except HTTPException:
        endpoint = ""
    return reading(endpoint, [*request.args.items(multi=True), *request.form.items(multi=True)])


def with_django(environ):
    request = WSGIRequest(environ)
    try:
        endpoint = resolve(request.path_info).url_name
    except Resolver404:
        endpoint = ""
    return reading(endpoint, [(name, value) for fields in (request.GET, request.POST) for name, values in fields.lists() for value in values])


def answer(frame):
    fields, at = [], 0
    while at < len(frame):
        (size,) = struct.unpack_from(">I", frame, at)
        fields.append(frame[at + 4:at + 4 + size])
        at += 4 + size
    method, target, query, content_type, body = fields
    environ = {
        "REQUEST_METHOD": method.decode(), "SCRIPT_NAME": "", "PATH_INFO": unquote_to_bytes(target).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"), "CONTENT_TYPE": content_type.decode("latin-1"), "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http",
    }
    answers = b""
    for parse in (lambda environ: with_urllib(environ, body), with_werkzeug, with_django):
        try:
            answers += parse({**environ, "wsgi.input": io.BytesIO(body)})
        except Exception as error:  # whatever a framework raises becomes its error page
            answers += refusal(error)
    return text(answers)


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(4)) == 4:
        sink.write(answer(source.read(struct.unpack(">I", head)[0])))
        sink.flush()


main()
