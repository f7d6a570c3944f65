//! Which links lead to an attachment at Discord's CDN, and to nothing else.

use reqwest::Url;

/// The hosts that serve attachments.
/// <https://discord.com/developers/docs/reference#signed-attachment-cdn-urls>
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// The address that `link` stands for, if that is `https://HOST/attachments/ID/ID/NAME`, with
/// whatever query, for its signature is there. What is judged is what the parser made of the link,
/// and that is what is fetched: there is no second reading of it that could find another host.
pub(super) fn attachment(link: &str) -> Option<Url> {
    let url = Url::parse(link).ok()?;
    // The parser leaves out the port that https has anyway.
    let at_the_cdn = url.scheme() == "https"
        && url.host_str().is_some_and(|host| HOSTS.contains(&host))
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    let segments: Vec<_> = url.path_segments()?.collect();
    let of_an_attachment = matches!(
        segments.as_slice(),
        ["attachments", channel, id, name] if is_id(channel) && is_id(id) && !name.is_empty()
    );
    (at_the_cdn && of_an_attachment).then_some(url)
}

fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::attachment;

    /// The parts of a link, each with whether it is as it must be.
    const SCHEMES: [(&str, bool); 8] = [
        ("https://", true),
        ("HTTPS://", true),
        ("https:/", true),
        ("http://", false),
        ("ftp://", false),
        ("file://", false),
        ("//", false),
        ("javascript:", false),
    ];
    const USERS: [(&str, bool); 5] = [
        ("", true),
        ("user@", false),
        ("user:secret@", false),
        (":secret@", false),
        ("cdn.discordapp.com@", false),
    ];
    const HOSTS: [(&str, bool); 20] = [
        ("cdn.discordapp.com", true),
        ("media.discordapp.net", true),
        ("CDN.DiscordApp.com", true),
        // The parser takes full-width letters for what they look like.
        ("ｃdn.discordapp.com", true),
        ("cdn.discordapp.com.", false),
        ("cdn.discordapp.net", false),
        ("media.discordapp.com", false),
        ("discordapp.com", false),
        ("a.cdn.discordapp.com", false),
        ("xcdn.discordapp.com", false),
        ("cdn.discordapp.com.example.com", false),
        ("cdn-discordapp.com", false),
        ("сdn.discordapp.com", false),
        ("example.com\\@cdn.discordapp.com", false),
        ("example.com/cdn.discordapp.com", false),
        ("example.com#cdn.discordapp.com", false),
        ("127.0.0.1", false),
        ("[::1]", false),
        ("169.254.169.254", false),
        ("", false),
    ];
    const PORTS: [(&str, bool); 7] = [
        ("", true),
        (":", true),
        (":443", true),
        (":80", false),
        (":8443", false),
        (":0", false),
        (":65536", false),
    ];
    const PATHS: [(&str, bool); 18] = [
        ("/attachments/1/2/buoy.png", true),
        (
            "/attachments/1234567890123456789/1566875412766785000/a%20b.png",
            true,
        ),
        ("/x/../attachments/1/2/buoy.png", true),
        ("\\attachments\\1\\2\\buoy.png", true),
        ("/attachments/1/2/..%2F..%2Fapi", true),
        ("", false),
        ("/", false),
        ("/attachments/1/2/", false),
        ("/attachments/1/2", false),
        ("/attachments/1/2/a/b", false),
        ("/attachments//2/a", false),
        ("/attachments/1/x/a", false),
        ("/attachments/123456789012345678901/2/a", false),
        ("/attachments/1/2/../a", false),
        ("/attachments/1/2/%2e%2e/%2e%2e/%2e%2e/api", false),
        ("/ephemeral-attachments/1/2/a", false),
        ("/emojis/1/2/a", false),
        ("//attachments/1/2/a", false),
    ];
    const REST: [(&str, bool); 5] = [
        ("", true),
        ("?ex=1&is=2&hm=3", true),
        ("?to=https://example.com/", true),
        ("#", false),
        ("?a#b", false),
    ];

    fn begins_at_the_cdn(url: &str) -> bool {
        url.starts_with("https://cdn.discordapp.com/attachments/")
            || url.starts_with("https://media.discordapp.net/attachments/")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn a_link_is_followed_exactly_if_all_of_its_parts_are_good(
            scheme in select(&SCHEMES[..]),
            user in select(&USERS[..]),
            host in select(&HOSTS[..]),
            port in select(&PORTS[..]),
            path in select(&PATHS[..]),
            rest in select(&REST[..]),
        ) {
            let parts = [scheme, user, host, port, path, rest];
            let link: String = parts.iter().map(|(text, _)| *text).collect();
            let good = parts.iter().all(|(_, good)| *good);
            let read = attachment(&link);
            prop_assert_eq!(read.is_some(), good, "{}", link);
            prop_assert!(read.is_none_or(|url| begins_at_the_cdn(url.as_str())));
        }

        #[test]
        fn whatever_is_followed_leads_to_the_cdn(
            link in "(https|http|ftp)?:?[/\\\\]{0,3}[@:]?(cdn\\.discordapp\\.com|media\\.discordapp\\.net|\\PC{0,12})[@:/\\\\.]?(\\PC{0,8}|443)[/\\\\](attachments|\\PC{0,8})/[0-9x]{0,3}/[0-9]{1,3}/\\PC{0,12}",
        ) {
            if let Some(url) = attachment(&link) {
                prop_assert!(begins_at_the_cdn(url.as_str()), "{}", url);
                prop_assert_eq!((url.username(), url.password(), url.port()), ("", None, None));
            }
        }

        #[test]
        fn no_text_is_too_odd(link in "\\PC{0,64}") {
            prop_assert!(attachment(&link).is_none_or(|url| begins_at_the_cdn(url.as_str())));
        }
    }
}
