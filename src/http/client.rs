//! Whose request it is: the address of the client, as far as proxies are trusted to tell it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word counts.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// These and no others.
    pub fn new(proxies: Vec<IpNet>) -> Self {
        Self(proxies.into_iter().map(canonical).collect())
    }

    fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|proxy| proxy.contains(&address))
    }

    /// Whose request it is, where it came over the network.
    pub(super) fn client_of(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        peer.map(|ConnectInfo(peer)| self.client(peer.ip(), request.headers()))
    }

    /// The client behind `peer`. Each trusted proxy has added the address that it was called from at
    /// the end of `X-Forwarded-For`, so the last that is not a trusted proxy is the client; what
    /// stands before it, the client may have written itself.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        // What a client wrote before it, of whatever bytes, must not hide what a proxy has added.
        let named = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
        for name in named {
            if !self.trust(client) {
                break;
            }
            let name = std::str::from_utf8(name).ok();
            let Some(address) = name.and_then(|name| address(name.trim())) else {
                break;
            };
            client = address.to_canonical();
        }
        client
    }
}

/// A range of IPv4 addresses that is written as one of IPv6, as what it is.
fn canonical(range: IpNet) -> IpNet {
    let as_v4 = |range: Ipv6Net| {
        let address = range.addr().to_ipv4_mapped()?;
        Ipv4Net::new(address, range.prefix_len().checked_sub(96)?).ok()
    };
    match range {
        IpNet::V6(v6) => as_v4(v6).map_or(range, IpNet::V4),
        IpNet::V4(_) => range,
    }
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| {
        let socket: Option<SocketAddr> = text.parse().ok();
        let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
        socket.map(|socket| socket.ip()).or_else(bracketed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &[&str], peer: &str, lines: &[&str]) -> String {
        let proxies = proxies.iter().filter_map(|text| text.parse().ok());
        let lines = lines.iter().filter_map(|line| line.parse().ok());
        let headers = lines.map(|line| (X_FORWARDED_FOR, line)).collect();
        let peer = peer.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let proxies = TrustedProxies::new(proxies.collect());
        proxies.client(peer, &headers).to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_a_trusted_proxy() {
        let ours = ["10.0.0.0/8", "::1/128"];
        let mapped = ["::ffff:10.0.0.0/104"];
        for (proxies, peer, lines, expected) in [
            (&[][..], "10.0.0.1", &["1.2.3.4"][..], "10.0.0.1"),
            (&ours, "10.0.0.1", &[], "10.0.0.1"),
            (&ours, "10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            // What the client wrote itself does not count.
            (&ours, "10.0.0.1", &["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            (&ours, "10.0.0.1", &["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
            (&ours, "1.2.3.4", &["6.6.6.6"], "1.2.3.4"),
            // Through several of ours.
            (&ours, "10.0.0.1", &["1.2.3.4, 10.9.9.9"], "1.2.3.4"),
            (&ours, "::ffff:10.0.0.1", &["1.2.3.4:5678"], "1.2.3.4"),
            (&ours, "::1", &["[2001:db8::1]:443"], "2001:db8::1"),
            (&ours, "::1", &["[2001:db8::1]"], "2001:db8::1"),
            // What cannot be read ends the search at whoever sent it.
            (
                &ours,
                "10.0.0.1",
                &["1.2.3.4, unknown, 10.0.0.2"],
                "10.0.0.2",
            ),
            (&ours, "10.0.0.1", &["1.2.3.4, ,10.0.0.2"], "10.0.0.2"),
            (&ours, "10.0.0.1", &["\u{fe}\u{ff}, 1.2.3.4"], "1.2.3.4"),
            // The same proxies, written another way.
            (&mapped, "10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            (&mapped, "11.0.0.1", &["1.2.3.4"], "11.0.0.1"),
        ] {
            assert_eq!(client(proxies, peer, lines), expected, "{peer} {lines:?}");
        }
    }
}
