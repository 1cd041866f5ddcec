"""Drives requests-oauthlib.

It first says which version. Then it reads runs from the standard input, one line of JSON each, and writes the steps that came out
to the standard output. Runs may overlap; "run" tells them apart.
"""

import base64
import hashlib
import json
import os
import queue
import secrets
import sys
import threading

import requests_oauthlib
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient, MobileApplicationClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

# The library refuses plain HTTP unless it is told otherwise.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"


def read(response):
    """What a server answered. There are servers that answer an error with status 200."""
    try:
        answer = response.json() if response.text else {}
    except ValueError:
        answer = {}
    if "error" in answer or not response.ok:
        raise Exception(answer.get("error", f"HTTP {response.status_code}"))
    return answer


class Run:
    """One run of a flow."""

    def __init__(self, message, ask):
        self.style, self.server, self.redirect_uri = message["style"], message["server"], message.get("redirect_uri")
        self.client_id, self.secret = message["client"]["client_id"], message["client"].get("client_secret")
        self.scope, self.user = message["scope"].split(), message["user"]
        self.ask = ask
        self.steps = []

    def session(self, client=None, **options):
        return OAuth2Session(self.client_id, client=client, scope=self.scope, **options)

    def authentication(self):
        """The arguments with which the library authenticates the client at the token endpoint."""
        if self.style == "client_secret_basic":
            return {"auth": HTTPBasicAuth(self.client_id, self.secret)}
        return {"include_client_id": True, "client_secret": self.secret}

    def credentials(self):
        """The same for the other requests, where the library leaves the body to the application."""
        if self.style == "client_secret_basic":
            return {"auth": HTTPBasicAuth(self.client_id, self.secret)}
        secret = {} if self.secret is None else {"client_secret": self.secret}
        return {"client_id": self.client_id, **secret}

    def take(self, step, needed, action, describe):
        """Takes one step. Without what it needs of the steps before, it cannot be reached."""
        value = None
        try:
            if needed is None:
                raise Exception("not reached")
            value = action(needed)
            result = describe(value)
        except OAuth2Error as error:
            result = {"error": error.error}
        except Exception as error:
            result = {"error": str(error) or type(error).__name__}
        self.steps.append({"step": step, "result": result})
        return value

    def code(self):
        session = self.session(redirect_uri=self.redirect_uri)
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

        def grant(_):
            address, _ = session.authorization_url(
                self.server["authorization_endpoint"], code_challenge=challenge, code_challenge_method="S256")
            return session.fetch_token(
                self.server["token_endpoint"], authorization_response=self.ask(address), code_verifier=verifier, **self.authentication())

        def refresh(_):
            return session.refresh_token(self.server["token_endpoint"], **self.credentials())

        granted = self.take("code", True, grant, describe)
        self.take("bearer", granted, lambda _: self.call(session), owner)
        refreshed = self.take("refresh", granted and granted.get("refresh_token"), refresh, lambda tokens: {
            **describe(tokens),
            "rotated": {name: tokens[name] != granted[name] for name in ("access_token", "refresh_token")},
        })
        self.take("bearer after refresh", refreshed, lambda _: self.call(session), owner)
        self.take("revocation", granted, lambda _: self.revoke(session), lambda _: {})
        self.take("bearer after revocation", granted, lambda _: self.call(session), owner)

    def client_credentials(self):
        session = self.session(BackendApplicationClient(self.client_id, scope=self.scope))
        self.fetch(session)

    def password(self):
        session = self.session(LegacyApplicationClient(self.client_id, scope=self.scope))
        self.fetch(session, username=self.user["login"], password=self.user["password"])

    def fetch(self, session, **arguments):
        granted = self.take("token", True, lambda _: session.fetch_token(
            self.server["token_endpoint"], **self.authentication(), **arguments), describe)
        self.take("bearer", granted, lambda _: self.call(session), owner)

    def implicit(self):
        session = self.session(MobileApplicationClient(self.client_id), redirect_uri=self.redirect_uri)

        def grant(_):
            address, _ = session.authorization_url(self.server["authorization_endpoint"])
            return session.token_from_fragment(self.ask(address))

        granted = self.take("token", True, grant, describe)
        self.take("bearer", granted, lambda _: self.call(session), owner)

    def call(self, session):
        return read(session.get(self.server["resource"]))

    def revoke(self, session):
        """The library prepares the request and leaves it to the application to send it."""
        credentials = self.credentials()
        auth = credentials.pop("auth", None)
        address, headers, body = session._client.prepare_token_revocation_request(
            self.server["revocation_endpoint"], session.access_token, **credentials)
        read(session.post(address, data=body, headers=headers, auth=auth, withhold_token=True))


def describe(tokens):
    """What is the same in every token response."""
    scope = tokens.get("scope")
    return {
        "token_type": tokens["token_type"],
        "scope": " ".join(scope) if isinstance(scope, list) else scope,
        "expires_in": tokens.get("expires_in"),
        "refresh_token": "refresh_token" in tokens,
    }


def owner(resource):
    """What the protected resource says about whom the token belongs to."""
    return {name: resource[name] for name in ("sub", "login", "client_id", "scope") if name in resource}


def main():
    """Serves runs until the standard input ends."""
    answers, writing = {}, threading.Lock()

    def write(message):
        with writing:
            print(json.dumps(message), flush=True)

    def serve(message):
        number = message["run"]

        def ask(address):
            write({"run": number, "open": address})
            answer = answers[number].get()
            if "failed" in answer:
                raise Exception(answer["failed"])
            return answer["callback"]

        run = Run(message, ask)
        getattr(run, message["flow"])()
        write({"run": number, "steps": run.steps})

    write({"title": f"requests-oauthlib {requests_oauthlib.__version__} (Python)"})
    for line in sys.stdin:
        message = json.loads(line)
        if message["run"] in answers:
            answers[message["run"]].put(message)
            continue
        answers[message["run"]] = queue.Queue()
        threading.Thread(target=serve, args=(message,), daemon=True).start()


main()
