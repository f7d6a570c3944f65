//! The `Authorization` header (RFC 6750 section 2.1).

use axum::http::{HeaderMap, header};

use super::rejection::Rejection;

/// The longest header that is looked at.
pub(super) const HEADER_LIMIT: usize = 8 << 10;

/// Takes the bearer out of the one `Authorization` header there may be. Tokens in a query or a
/// body are not looked for: they end up in logs.
///
/// # Errors
/// Where there is no such header, more than one, another scheme, or an overlong value.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Rejection> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Rejection::NoBearer)?;
    if values.next().is_some() {
        return Err(Rejection::SeveralHeaders);
    }
    if value.len() > HEADER_LIMIT {
        return Err(Rejection::Oversized);
    }
    let text = value.to_str().map_err(|_| Rejection::NoBearer)?;
    let (scheme, token) = text.split_once(' ').ok_or(Rejection::NoBearer)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejection::NoBearer);
    }
    Ok(token.trim_matches(' '))
}
