//! What a request is to Discord's limits.

use reqwest::Request;
use reqwest::header::CONTENT_TYPE;

/// The routes that this server asks, without any id, as Discord documents them.
const NAMES: [&str; 9] = [
    "GET /channels/{id}",
    "GET /channels/{id}/messages",
    "POST /channels/{id}/messages",
    "GET /channels/{id}/messages/{id}",
    "DELETE /channels/{id}/messages/{id}",
    "POST /channels/{id}/messages/bulk-delete",
    "GET /channels/{id}/threads/archived/public",
    "GET /guilds/{id}/threads/active",
    "GET /guilds/{id}/messages/search",
];

/// A request's route: its method and path, without the ids that Discord does not count apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteKey {
    /// The method and the path, with the major id and no other.
    pub(super) route: String,
    /// The major id: of the channel or guild that the path begins with.
    pub(super) major: String,
    /// The method and the whole path: what is asked, as far as permissions go.
    pub(super) what: String,
    /// One of [`NAMES`], or `other`.
    pub(super) name: &'static str,
}

impl RouteKey {
    pub(super) fn of(request: &Request) -> Self {
        let mut key = Self::new(request.method().as_str(), request.url().path());
        // A search names its channel in the query alone.
        let mut query = request.url().query_pairs();
        if key.name.ends_with("/search")
            && let Some((_, channel)) = query.find(|(name, _)| name == "channel_id")
        {
            key.what += &format!("?channel_id={channel}");
        }
        // Files take a permission of their own.
        let kind = request.headers().get(CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/")) {
            key.what += " with files";
        }
        key
    }

    fn new(method: &str, path: &str) -> Self {
        let room = method.len() + path.len() + 1;
        let (mut route, mut what) = (String::with_capacity(room), String::with_capacity(room));
        route += method;
        let mut major = "";
        for segment in path.split('/').skip(1) {
            let is_id = is_id(segment);
            if is_id && !major.is_empty() {
                route += "/{}";
                continue;
            }
            if is_id {
                major = segment;
            }
            route.push('/');
            route += segment;
        }
        what += method;
        what.push(' ');
        what += path;
        let name = NAMES.into_iter().find(|name| is_of(name, method, path));
        Self {
            route,
            major: major.to_owned(),
            what,
            name: name.unwrap_or("other"),
        }
    }
}

fn is_id(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a request is of the route with this name.
fn is_of(name: &str, method: &str, path: &str) -> bool {
    let path = path.strip_prefix("/api/v10").unwrap_or(path);
    let Some(template) = name.strip_prefix(method) else {
        return false;
    };
    let mut segments = path.split('/');
    let fits = template.trim_start().split('/').all(|named| {
        let segment = segments.next();
        segment.is_some_and(|segment| segment == named || named == "{id}" && is_id(segment))
    });
    fits && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::RouteKey;

    #[test]
    fn a_route_has_its_major_id_and_no_other() {
        let key = RouteKey::new("DELETE", "/api/v10/channels/12/messages/34");
        assert_eq!(key.route, "DELETE/api/v10/channels/12/messages/{}");
        assert_eq!(key.major, "12");
        assert_eq!(key.name, "DELETE /channels/{id}/messages/{id}");
        assert_eq!(key.what, "DELETE /api/v10/channels/12/messages/34");
        let key = RouteKey::new("GET", "/api/v10/guilds/7/messages/search");
        assert_eq!(key.route, "GET/api/v10/guilds/7/messages/search");
        assert_eq!(key.name, "GET /guilds/{id}/messages/search");
        let key = RouteKey::new("GET", "/api/v10/guilds/7/emojis/8");
        assert_eq!((key.name, key.major.as_str()), ("other", "7"));
    }
}
