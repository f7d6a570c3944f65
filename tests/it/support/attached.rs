//! Messages with files, and the files at the CDN.
//!
//! ```ignore
//! let files = [File::new(1, "buoy.png", "image/png", 8)];
//! let message = post(&app, &files);
//! app.discord.cdn().serve(&files[0].path(), Served::file("image/png", &png(8)));
//! ```

use serde_json::{Value, json};

use super::App;
use super::discord::cdn::Served;
use super::discord::seed::{ALICE, VOICE};

/// A file as a message tells of it.
#[derive(Clone)]
pub struct File {
    pub id: u64,
    pub json: Value,
}

impl File {
    pub fn new(id: u64, name: &str, kind: &str, size: usize) -> Self {
        let path = path(id, name);
        let json = json!({
            "id": id.to_string(), "filename": name, "content_type": kind, "size": size,
            "url": format!("https://cdn.discordapp.com{path}?ex=1&is=2&hm=3"),
            "proxy_url": format!("https://media.discordapp.net{path}?ex=1&is=2&hm=3"),
        });
        Self { id, json }
    }

    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.json[name] = value.into();
        self
    }

    /// Where it is at the CDN.
    pub fn path(&self) -> String {
        path(self.id, self.json["filename"].as_str().unwrap())
    }
}

fn path(id: u64, name: &str) -> String {
    format!("/attachments/{VOICE}/{id}/{}", name.replace(' ', "%20"))
}

/// Alice posts a message with these files in a channel that held none before.
pub fn post(app: &App, files: &[File]) -> String {
    let files: Vec<_> = files.iter().map(|file| file.json.clone()).collect();
    app.discord.with(|world| {
        let id = world.post(VOICE, ALICE, "look");
        let message = world.message_mut(VOICE, &id);
        message.set(json!({ "attachments": files }));
        id
    })
}

/// Alice posts a file that the CDN serves as it should.
pub fn post_good(app: &App, id: u64, name: &str, kind: &str, body: &[u8]) -> String {
    let file = File::new(id, name, kind, body.len());
    app.discord
        .cdn()
        .serve(&file.path(), Served::file(kind, body));
    post(app, &[file])
}

/// So many bytes that begin as a PNG does.
pub fn png(size: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.resize(size, 0);
    bytes
}

/// The result of `get_messages` in that channel.
pub async fn read(app: &App, mut params: Value) -> Value {
    params["channel_id"] = VOICE.into();
    app.invoke("get_messages", params).await.result().clone()
}

/// What was skipped, as pairs of id and reason.
pub fn skipped(result: &Value) -> Vec<(String, String)> {
    let all = result["skipped"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pair = |skipped: &Value| (text(&skipped["id"]), text(&skipped["reason"]));
    all.iter().map(pair).collect()
}
