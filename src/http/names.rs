//! The names that this server goes by, and the pages that may call it.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, Uri, header};
use reqwest::Url;

use crate::error::{Code, Error};

/// The hosts that requests may name, and the origins of web pages that may send them.
pub struct Names {
    hosts: Vec<String>,
    any_host: bool,
    origins: Vec<String>,
}

impl Names {
    /// Loopback names always, the address that is listened on, and what the operator allows: hosts
    /// without ports (`*` for any), and origins such as `https://app.example`.
    pub fn new(bind: SocketAddr, hosts: &[String], origins: &[String]) -> Self {
        let mut all: Vec<String> = ["localhost", "127.0.0.1", "[::1]"]
            .map(str::to_owned)
            .into();
        if !bind.ip().is_unspecified() {
            all.push(match bind.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            });
        }
        all.extend_from_slice(hosts);
        let origins = origins
            .iter()
            .filter_map(|origin| Some(Url::parse(origin).ok()?.origin().ascii_serialization()));
        Self {
            any_host: hosts.iter().any(|host| host == "*"),
            hosts: all,
            origins: origins.collect(),
        }
    }

    /// Checks the `Host` of a request, and its `Origin` where it has one: only browsers send it.
    ///
    /// # Errors
    /// `host_not_allowed` or `origin_not_allowed`.
    pub fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Error> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let named = hosts
            .next()
            .and_then(|host| host.to_str().ok())
            .or_else(|| uri.authority().map(|authority| authority.as_str()));
        let known = named.is_some_and(|named| self.goes_by(host_of(named)));
        if hosts.next().is_some() || !(known || (self.any_host && named.is_some())) {
            return Err(Error::new(
                Code::HostNotAllowed,
                "This server does not go by the name in `Host`",
            )
            .hint("The operator can add it to ALLOWED_HOSTS."));
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return Ok(());
        };
        let allowed = origin
            .to_str()
            .ok()
            .is_some_and(|origin| self.may_come_from(origin));
        if allowed && origins.next().is_none() {
            return Ok(());
        }
        Err(Error::new(
            Code::OriginNotAllowed,
            "Web pages of this `Origin` may not call this server",
        )
        .hint("The operator can add it to ALLOWED_ORIGINS."))
    }

    fn goes_by(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|known| known.eq_ignore_ascii_case(host))
    }

    /// A page of this server's own names may call it, and pages that the operator allows.
    fn may_come_from(&self, origin: &str) -> bool {
        let Ok(url) = Url::parse(origin) else {
            return false;
        };
        let own = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| self.goes_by(host));
        own || self.origins.contains(&url.origin().ascii_serialization())
    }
}

/// What a host is named by, without its port (RFC 9110, section 7.2). What is no name of a host is none
/// of ours either.
fn host_of(named: &str) -> &str {
    let parts = named.rsplit_once(':');
    let parts = parts.filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    parts.map_or(named, |(host, _)| host)
}
