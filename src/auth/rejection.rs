//! Why a bearer is refused.

/// Why a bearer was refused. The caller never learns it; the server log does, and so does whoever
/// holds the token and asks `inspect-token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is no `Authorization: Bearer`.
    NoBearer,
    /// There is more than one `Authorization`.
    SeveralHeaders,
    /// The header is longer than 8 KiB.
    Oversized,
    /// It is no JWT.
    Malformed,
    /// Its header would bring a key along, or change how it is read.
    ForbiddenHeader,
    /// It is signed with another algorithm.
    WrongAlgorithm,
    /// Its `kid` names no key of its issuer.
    UnknownKey,
    /// The signature does not hold.
    BadSignature,
    /// A claim is missing, given twice, or of the wrong type.
    BadClaims,
    /// Its `iss` is nobody whose tokens are taken.
    WrongIssuer,
    /// It is for another service.
    WrongAudience,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It lives longer than tokens may.
    LivesTooLong,
    /// It, or all that its user had, was revoked.
    Revoked,
    /// Its bot token is readable, and tokens must be sealed.
    NotSealed,
    /// Its bot token is sealed for a key that is not here.
    UnknownSealingKey,
    /// Its sealed bot token does not open.
    Unsealable,
}

impl Rejection {
    /// Its name in log and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoBearer => "no_bearer",
            Self::SeveralHeaders => "several_headers",
            Self::Oversized => "oversized",
            Self::Malformed => "malformed",
            Self::ForbiddenHeader => "forbidden_header",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::BadClaims => "bad_claims",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::LivesTooLong => "lives_too_long",
            Self::Revoked => "revoked",
            Self::NotSealed => "not_sealed",
            Self::UnknownSealingKey => "unknown_sealing_key",
            Self::Unsealable => "unsealable",
        }
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoBearer => "there is no `Authorization: Bearer <JWT>`",
            Self::SeveralHeaders => "there is more than one `Authorization` header",
            Self::Oversized => "it is longer than 8 KiB",
            Self::Malformed => "it is not a JWT: three parts of base64url with dots between",
            Self::ForbiddenHeader => {
                "its header has a member that is not taken: crit, b64, zip, enc, jku, jwk, x5u, x5c, or another typ than JWT or at+jwt"
            }
            Self::WrongAlgorithm => "it is not signed with RS256",
            Self::UnknownKey => "its kid names no key that is here: it was signed elsewhere, or the key was removed",
            Self::BadSignature => "its signature does not hold: it was changed, or signed with another key",
            Self::BadClaims => {
                "a claim is missing, given twice or of the wrong type: iss, aud, sub, exp and iat are needed, and one bot token at most"
            }
            Self::WrongIssuer => "its iss is neither JWT_ISSUER nor JWT_JWKS_ISSUER",
            Self::WrongAudience => "its aud is not JWT_AUDIENCE",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not valid yet: its iat or nbf lies ahead; do the clocks agree?",
            Self::LivesTooLong => "it lives longer than JWT_MAX_LIFETIME allows",
            Self::Revoked => "it was revoked",
            Self::NotSealed => "its bot token is readable, and REQUIRE_SEALED_TOKENS is set",
            Self::UnknownSealingKey => "its bot token is sealed for a key that is not here",
            Self::Unsealable => "its sealed bot token does not open",
        })
    }
}
