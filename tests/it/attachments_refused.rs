//! A link or an answer that is not what it should be is told among what was skipped, and the call
//! goes on without it.

use serde_json::{Value, json};

use crate::support::App;
use crate::support::attached::{File, png, post, read, skipped};
use crate::support::discord::cdn::{Served, Then};
use crate::support::discord::seed::PICTURE_PATH;

/// What became of the one picture that this app has.
async fn look(app: &App) -> (Value, Vec<(String, String)>) {
    let result = read(
        app,
        json!({"limit": 1, "include_images": 1, "include_text": 99}),
    )
    .await;
    assert_eq!(result["messages"][0]["content"], "look");
    (result["images"].clone(), skipped(&result))
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_not_followed() {
    let app = App::start().await;
    app.discord.with(|world| world.off_contract = true);
    let cdn = app.discord.cdn();
    let path = "/attachments/1/2/a.png";
    cdn.serve(path, Served::file("image/png", &png(8)));
    let here = cdn.base();
    for link in [
        format!("http://cdn.discordapp.com{path}"),
        format!("ftp://cdn.discordapp.com{path}"),
        format!("https://cdn.discordapp.com:8443{path}"),
        format!("https://cdn.discordapp.com:80{path}"),
        format!("https://user@cdn.discordapp.com{path}"),
        format!("https://user:password@cdn.discordapp.com{path}"),
        format!("https://cdn.discordapp.com.{path}"),
        format!("https://cdn.discordapp.com.example.com{path}"),
        format!("https://cdn.discordapp.com@example.com{path}"),
        format!("https://example.com{path}"),
        format!("https://example.com/?https://cdn.discordapp.com{path}"),
        format!("https://discord.com{path}"),
        format!("https://127.0.0.1{path}"),
        format!("https://[::1]{path}"),
        format!("https://10.0.0.1{path}"),
        format!("https://169.254.169.254{path}"),
        format!("https://2130706433{path}"),
        format!("https://localhost{path}"),
        format!("{here}{path}"),
        format!("//cdn.discordapp.com{path}"),
        path.to_owned(),
        "https://cdn.discordapp.com/api/v10/users/@me".to_owned(),
        "https://cdn.discordapp.com/attachments/../a.png".to_owned(),
        "https://cdn.discordapp.com/attachments/1/2/%2e%2e/%2e%2e/a.png".to_owned(),
        "https://cdn.discordapp.com/emojis/2.png".to_owned(),
        format!("https://cdn.discordapp.com{path}#fragment"),
        "data:image/png;base64,iVBORw0KGgo=".to_owned(),
        "file:///etc/passwd".to_owned(),
        String::new(),
    ] {
        post(
            &app,
            &[File::new(2, "a.png", "image/png", 8).set("url", &*link)],
        );
        let refused = (Value::Null, vec![("2".to_owned(), "bad_link".to_owned())]);
        assert_eq!(look(&app).await, refused, "{link}");
    }
    assert_eq!(cdn.connections(), 0);
    // The same file by a good link of either host is there.
    for host in ["cdn.discordapp.com", "media.discordapp.net"] {
        let link = format!("https://{host}{path}");
        post(
            &app,
            &[File::new(2, "a.png", "image/png", 8).set("url", link)],
        );
        let (images, skipped) = look(&app).await;
        assert_eq!(
            (&images[0]["attachment_id"], skipped),
            (&json!("2"), vec![])
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_picture_is_not_shown() {
    let app = App::start().await;
    let good = || Served::file("image/png", &png(64));
    let to_a_picture = format!("{}{PICTURE_PATH}", app.discord.cdn().base());
    let redirect = |status| good().status(status).header("location", &to_a_picture);
    for (served, reason) in [
        (redirect("301 Moved Permanently"), "refused"),
        (redirect("302 Found"), "refused"),
        (redirect("307 Temporary Redirect"), "refused"),
        (redirect("308 Permanent Redirect"), "refused"),
        (good().status("206 Partial Content"), "refused"),
        (
            good()
                .status("401 Unauthorized")
                .header("www-authenticate", "Basic"),
            "refused",
        ),
        (good().status("403 Forbidden"), "refused"),
        (good().status("404 Not Found"), "refused"),
        (good().status("500 Internal Server Error"), "refused"),
        (good().header("content-type", "text/html"), "wrong_type"),
        (good().header("content-type", "image/svg+xml"), "wrong_type"),
        (
            good().header("content-type", "application/octet-stream"),
            "wrong_type",
        ),
        (good().header("content-type", "image/jpeg"), "wrong_type"),
        (good().header("content-type", "png"), "wrong_type"),
        (good().without("content-type"), "wrong_type"),
        (Served::file("image/png", &[0; 64]), "wrong_type"),
        (Served::file("image/png", b"<script>"), "wrong_type"),
        (Served::file("image/png", b""), "wrong_type"),
        (Served::file("image/png", &png(65)), "wrong_size"),
        (
            good().without("content-length").then(Then::Again),
            "wrong_size",
        ),
        (good().length(65), "broken_off"),
        (good().length(1 << 60), "broken_off"),
    ] {
        let file = File::new(2, "a.png", "image/png", 64);
        app.discord.cdn().serve(&file.path(), served);
        post(&app, &[file]);
        let before = app.discord.cdn().connections();
        let refused = (Value::Null, vec![("2".to_owned(), reason.to_owned())]);
        assert_eq!(look(&app).await, refused);
        assert_eq!(app.discord.cdn().connections(), before + 1);
    }
    // What the table changes is what is refused.
    let file = File::new(2, "a.png", "image/png", 64);
    let served = good().header("content-type", "Image/PNG; charset=x");
    app.discord.cdn().serve(&file.path(), served);
    post(&app, &[file]);
    assert_eq!(look(&app).await.1, []);
}

#[tokio::test]
async fn a_text_that_is_none_is_not_shown() {
    let app = App::start().await;
    for (served, reason) in [
        (
            Served::file("text/plain", b"caf\xe9 au lait!"),
            "wrong_type",
        ),
        (
            Served::file("text/plain", b"\xff\xfeh\0i\0...."),
            "wrong_type",
        ),
        (Served::file("text/plain", b"a\0b........."), "wrong_type"),
        (Served::file("text/plain", b"cut within \xc3"), "wrong_type"),
        (Served::file("image/png", b"hello, harbr"), "wrong_type"),
        (Served::file("text/plain", b"hello, harbor!"), "wrong_size"),
        (
            Served::file("text/plain", b"hello, harbr").length(13),
            "broken_off",
        ),
        (
            Served::file("text/plain", b"").status("404 Not Found"),
            "refused",
        ),
    ] {
        let file = File::new(2, "a.txt", "text/plain", 13);
        app.discord.cdn().serve(&file.path(), served);
        post(&app, &[file]);
        let refused = (Value::Null, vec![("2".to_owned(), reason.to_owned())]);
        assert_eq!(look(&app).await, refused);
    }
}
