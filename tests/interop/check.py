"""Sealed tokens made by independent implementations are let in here, and ours open there.

    check.py URL FOLDER PROGRAM

URL is of a running sandbox, FOLDER holds its token and its keys, PROGRAM mints.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

import joserfc.jwe
import joserfc.jwk
import joserfc.jwt
import jwcrypto.jwe
import jwcrypto.jwk
import jwcrypto.jwt

CHANNEL = "1234567890123456789"
ISSUER = AUDIENCE = "discord-mcp-server"


class Jwcrypto:
    """https://jwcrypto.readthedocs.io"""

    def thumbprint(self, pem):
        return jwcrypto.jwk.JWK.from_pem(pem).thumbprint()

    def seal(self, public, header, text):
        seal = jwcrypto.jwe.JWE(text.encode(), json.dumps(header), recipient=public)
        return seal.serialize(compact=True)

    def sign(self, pem, header, claims):
        token = jwcrypto.jwt.JWT(json.dumps(header), json.dumps(claims))
        token.make_signed_token(jwcrypto.jwk.JWK.from_pem(pem))
        return token.serialize()

    def verify(self, public, token):
        token = jwcrypto.jwt.JWT(jwt=token, key=public, algs=["RS256"])
        return json.loads(token.header), json.loads(token.claims)

    def open(self, pem, sealed):
        seal = jwcrypto.jwe.JWE(algs=["RSA-OAEP-256", "A256GCM"])
        seal.deserialize(sealed, key=jwcrypto.jwk.JWK.from_pem(pem))
        return seal.jose_header, seal.payload.decode()

    def public(self, jwk):
        return jwcrypto.jwk.JWK(**jwk)

    def stranger(self):
        return jwcrypto.jwk.JWK.generate(kty="RSA", size=2048)


class Joserfc:
    """https://jose.authlib.org"""

    def thumbprint(self, pem):
        return joserfc.jwk.RSAKey.import_key(pem).thumbprint()

    def seal(self, public, header, text):
        algorithms = [header[name] for name in ("alg", "enc", "zip") if name in header]
        return joserfc.jwe.encrypt_compact(header, text.encode(), public, algorithms)

    def sign(self, pem, header, claims):
        key = joserfc.jwk.RSAKey.import_key(pem)
        return joserfc.jwt.encode(header, claims, key, ["RS256"])

    def verify(self, public, token):
        token = joserfc.jwt.decode(token, public, ["RS256"])
        return token.header, token.claims

    def open(self, pem, sealed):
        key = joserfc.jwk.RSAKey.import_key(pem)
        seal = joserfc.jwe.decrypt_compact(sealed, key, ["RSA-OAEP-256", "A256GCM"])
        return seal.headers(), seal.plaintext.decode()

    def public(self, jwk):
        return joserfc.jwk.RSAKey.import_key(jwk)

    def stranger(self):
        return joserfc.jwk.RSAKey.generate_key(2048)


def request(url, token=None, body=None):
    """The status and the JSON of an answer."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data, headers), timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def expect(what, got, expected):
    if got != expected:
        sys.exit(f"FAILED {what}: {got!r} instead of {expected!r}")
    print(f"ok     {what}")


def main(url, folder, program):
    keys = pathlib.Path(folder, "keys")
    pem = {name: (keys / f"{name}.pem").read_bytes() for name in (
        "jwt.private", "jwt.public", "seal.private", "seal.public",
    )}
    _, published = request(f"{url}/.well-known/jwks.json")
    published = {key["use"]: key for key in published["keys"]}
    # The bot token that the sandbox's Discord knows is in the sandbox's own token, sealed.
    sandbox = pathlib.Path(folder, "token").read_text()
    library = Jwcrypto()
    _, claims = library.verify(library.public(published["sig"]), sandbox)
    _, bot = library.open(pem["seal.private"], claims["discord_token_sealed"])
    environment = {"KEYS_DIR": str(keys), "DISCORD_TOKEN": bot, "PATH": os.environ["PATH"]}
    command = [program, "mint-token", "--sub", "interop", "--scope", "discord:read"]
    minted = subprocess.run(
        command, env=environment, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()

    for library in (Jwcrypto(), Joserfc()):
        name = type(library).__name__.lower()
        sign_with, seal_with = (library.public(published[use]) for use in ("sig", "enc"))
        kid = {half: library.thumbprint(pem[f"{half}.public"]) for half in ("jwt", "seal")}
        expect(f"{name}: our kids are its thumbprints",
               {use: key["kid"] for use, key in published.items()},
               {"sig": kid["jwt"], "enc": kid["seal"]})

        # Ours, there.
        header, claims = library.verify(sign_with, minted)
        expect(f"{name}: the header of our token", dict(header),
               {"typ": "JWT", "alg": "RS256", "kid": kid["jwt"]})
        expect(f"{name}: who our token is for", (claims["sub"], claims["scope"]),
               ("interop", "discord:read"))
        expect(f"{name}: our token has no readable bot token", "discord_token" in claims, False)
        header, opened = library.open(pem["seal.private"], claims["discord_token_sealed"])
        expect(f"{name}: the header of our seal", dict(header),
               {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid["seal"]})
        expect(f"{name}: our seal opens", opened == bot, True)

        # Theirs, here.
        def call(seal):
            now = int(time.time())
            claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": name, "iat": now, "exp": now + 600,
                      "jti": f"{name}-{now}", "discord_token_sealed": seal}
            header = {"alg": "RS256", "typ": "JWT", "kid": kid["jwt"]}
            token = library.sign(pem["jwt.private"], header, claims)
            body = {"method": "get_channel_info", "params": {"channel_id": CHANNEL}}
            return request(f"{url}/mcp/v1/tools/invoke", token, body)

        good = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid["seal"]}
        for extra in ({}, {"typ": "JWE"}, {"cty": "text/plain"}):
            status, answer = call(library.seal(seal_with, good | extra, bot))
            expect(f"{name}: its seal is let in, with {extra or 'nothing more'}",
                   (status, answer.get("result", answer).get("name")), (200, "general"))

        # And what must not be let in is not.
        seal = library.seal(seal_with, good, bot)
        touched = seal[:-2] + ("A" if seal[-2] != "A" else "B") + seal[-1]
        for what, seal in (
            ("touched", touched),
            ("for another key", library.seal(library.stranger(), good, bot)),
            ("by RSA-OAEP", library.seal(seal_with, good | {"alg": "RSA-OAEP"}, bot)),
            ("with A128GCM", library.seal(seal_with, good | {"enc": "A128GCM"}, bot)),
            ("compressed", library.seal(seal_with, good | {"zip": "DEF"}, bot)),
        ):
            status, answer = call(seal)
            expect(f"{name}: its seal is refused, {what}",
                   (status, answer["error"]["code"]), (401, "invalid_token"))


if __name__ == "__main__":
    main(*sys.argv[1:])
