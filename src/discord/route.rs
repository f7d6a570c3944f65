//! What a request is to Discord's limits.

use axum::http::{HeaderMap, Method, header};

/// A request's route: its method and path, without the ids that Discord does not count apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteKey {
    /// The method and the path, with the major id and no other.
    pub(super) route: String,
    /// The major id: of the channel or guild that the path begins with.
    pub(super) major: String,
    /// The method and the whole path: what is asked, as far as permissions go.
    pub(super) what: String,
    /// The method and the path without any id, as Discord documents it: one of a few.
    pub(super) name: String,
}

impl RouteKey {
    pub(super) fn of(
        method: &Method,
        path: &str,
        query: &[(&'static str, String)],
        headers: &HeaderMap,
    ) -> Self {
        let mut key = Self::new(method.as_str(), path);
        // A search names its channel in the query alone.
        let channel = query.iter().find(|(name, _)| *name == "channel_id");
        if let Some((_, channel)) = channel {
            key.what += &format!("?channel_id={channel}");
        }
        // Files take a permission of their own.
        let kind = headers.get(header::CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/")) {
            key.what += " with files";
        }
        key
    }

    fn new(method: &str, path: &str) -> Self {
        let length = method.len() + path.len() + 1;
        let (mut route, mut major) = (String::with_capacity(length), String::new());
        route.push_str(method);
        let mut name = String::with_capacity(length);
        name.push_str(method);
        name.push(' ');
        for segment in path.split('/').skip(1) {
            let is_id = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
            if !matches!(segment, "api" | "v10") {
                name.push('/');
                name += if is_id { "{id}" } else { segment };
            }
            if is_id && !major.is_empty() {
                route += "/{}";
                continue;
            }
            if is_id {
                segment.clone_into(&mut major);
            }
            route.push('/');
            route += segment;
        }
        Self {
            route,
            major,
            what: [method, path].join(" "),
            name,
        }
    }
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
        let key = RouteKey::new("GET", "/api/v10/guilds/7/channels");
        assert_eq!(key.name, "GET /guilds/{id}/channels");
    }
}
