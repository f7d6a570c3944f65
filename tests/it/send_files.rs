//! `send_message` with `files`: what reaches Discord, what the trail keeps, and what is refused.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};

use crate::support::discord::seed::{FORUM, GENERAL, LAST_MESSAGE, REPLY_MESSAGE};
use crate::support::discord::{Fault, On, Part};
use crate::support::mcp::structured;
use crate::support::operations::{CREATE, requests};
use crate::support::{Answer, App, Mcp, assert_failure, take_nonce};

/// Every byte there is, some that look like the end of a part among them.
fn bytes() -> Vec<u8> {
    let all = (0..=255).collect::<Vec<u8>>();
    [&all[..], b"\r\n--part-\r\n\r\n--", &all[..]].concat()
}

fn file(name: &str, data: &[u8]) -> Value {
    json!({"name": name, "data": STANDARD.encode(data)})
}

async fn send(app: &App, more: Value) -> Answer {
    let mut params = json!({"channel_id": GENERAL});
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    app.invoke("send_message", params).await
}

/// The last request with files: its message, and the files.
fn last(app: &App) -> (Value, Vec<Part>) {
    let seen = app.discord.requests();
    let with_files = seen.iter().rev().filter_map(|seen| seen.message());
    with_files
        .into_iter()
        .find(|(_, files)| !files.is_empty())
        .unwrap()
}

#[tokio::test]
async fn files_go_out_as_they_are_with_their_text() {
    let app = App::start().await;
    let report = json!({
        "name": "Bericht „Boje\" 3.csv", "data": STANDARD.encode(bytes()), "type": "text/csv",
        "description": "Depths by hour",
    });
    let plain = json!({"name": "a", "data": STANDARD_NO_PAD.encode("x")});
    let more = json!({"message": "Here it is.", "files": [report, plain]});
    let answer = send(&app, more.clone()).await;
    let (mut body, files) = last(&app);
    take_nonce(&mut body);
    let name = "Bericht „Boje\" 3.csv";
    let expected = json!({
        "content": "Here it is.",
        "allowed_mentions": {"parse": [], "replied_user": false},
        "flags": 4,
        "attachments": [
            {"id": "0", "filename": name, "description": "Depths by hour"},
            {"id": "1", "filename": "a"},
        ],
    });
    assert_eq!(body, expected);
    let part = |field: &str, filename: &str, kind: &str, data: &[u8]| Part {
        field: field.to_owned(),
        filename: filename.to_owned(),
        content_type: kind.to_owned(),
        data: data.to_vec(),
    };
    let expected = [
        part("files[0]", name, "text/csv", &bytes()),
        part("files[1]", "a", "application/octet-stream", b"x"),
    ];
    assert_eq!(files, expected);
    let shown = &answer.result()["message"]["attachments"];
    assert_eq!(
        (&shown[0]["filename"], &shown[0]["size"]),
        (&json!(name), &json!(bytes().len()))
    );
    assert_eq!(shown[1]["filename"], "a");

    let mut params = more;
    params["channel_id"] = GENERAL.into();
    let answer = Mcp::modern(&app).call("send_message", params).await;
    let shown = &structured(&answer)["message"]["attachments"];
    assert_eq!(shown.as_array().unwrap().len(), 2);
    let held = app
        .discord
        .with(|world| world.uploads.values().cloned().collect::<Vec<_>>());
    assert_eq!(held, [bytes(), b"x".to_vec(), bytes(), b"x".to_vec()]);
}

#[tokio::test]
async fn files_need_no_text() {
    let app = App::start().await;
    for more in [json!({}), json!({"message": null}), json!({"message": ""})] {
        let mut more = more;
        more["files"] = json!([file("a.txt", b"x")]);
        let answer = send(&app, more.clone()).await;
        assert_eq!(answer.result()["message"]["content"], "", "{more}");
        more["split"] = true.into();
        let answer = send(&app, more).await;
        assert_eq!(answer.result()["messages"].as_array().unwrap().len(), 1);
    }
    let error = json!({"code": "invalid_params", "message": "`message` is required"});
    assert_failure(&send(&app, json!({"files": []})).await, 422, error);
}

#[tokio::test]
async fn files_go_into_posts_and_threads_and_under_the_last_part_of_a_text() {
    let app = App::start().await;
    let files = json!([file("a.txt", b"x")]);
    let post = json!({"channel_id": FORUM, "title": "Buoy 4", "files": files});
    let answer = send(&app, post).await;
    let shown = &answer.result()["message"]["attachments"][0]["filename"];
    assert_eq!(shown, "a.txt");
    let (body, sent) = last(&app);
    assert_eq!((&body["name"], sent.len()), (&json!("Buoy 4"), 1));
    assert_eq!(
        body["message"]["attachments"],
        json!([{"id": "0", "filename": "a.txt"}])
    );

    let thread = json!({"reply_to": LAST_MESSAGE, "thread_name": "Cake", "files": files});
    let answer = send(&app, thread).await;
    assert_eq!(answer.result()["message"]["channel_id"], LAST_MESSAGE);
    assert_eq!(answer.result()["message"]["attachments"][0]["size"], 1);

    let text = format!("{}\n\n{}", "a".repeat(1500), "b".repeat(1500));
    let parts = json!({
        "message": text, "split": true, "files": files, "reply_to": REPLY_MESSAGE,
    });
    let answer = send(&app, parts).await;
    let messages = &answer.result()["messages"];
    assert_eq!(messages[0].get("attachments"), None);
    assert_eq!(messages[0]["reply_to"], REPLY_MESSAGE);
    assert_eq!(messages[1]["attachments"][0]["filename"], "a.txt");
}

#[tokio::test]
async fn files_are_sent_again_whole_and_once() {
    let app = App::start().await;
    for fault in [Fault::Html(502), Fault::CutBefore, Fault::CutAfter] {
        app.discord.fault(On::Route(CREATE), 2, fault);
        let more = json!({"files": [file("a.bin", &bytes())]});
        let answer = send(&app, more).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(last(&app).1[0].data, bytes());
    }
    assert_eq!(requests(&app, CREATE), 9);
    assert_eq!(app.discord.with(|world| world.uploads.len()), 3);
}

#[tokio::test]
async fn what_is_no_file_is_refused_by_its_place() {
    let app = App::start().await;
    let word = "must be a file name of visible characters, without slashes";
    let base64 = "must be base64 in the standard alphabet, without line breaks";
    let kind = "must be a media type such as image/png";
    let table = [
        (
            json!([{"name": "a"}]),
            "`files[0].data` is required".to_owned(),
        ),
        (
            json!([{"data": "eA=="}]),
            "`files[0].name` is required".to_owned(),
        ),
        (
            json!({"name": "a"}),
            "`files` must be an array, not an object".to_owned(),
        ),
        (
            json!([{"name": "", "data": "eA=="}]),
            "`files[0].name` must be 1 to 100 characters long".to_owned(),
        ),
        (
            json!([{"name": "x".repeat(101), "data": "eA=="}]),
            "`files[0].name` must be 1 to 100 characters long".to_owned(),
        ),
        (
            json!([{"name": "../a", "data": "eA=="}]),
            format!("`files[0].name` {word}"),
        ),
        (
            json!([{"name": "a\\b", "data": "eA=="}]),
            format!("`files[0].name` {word}"),
        ),
        (
            json!([{"name": "a\r\nX: y", "data": "eA=="}]),
            format!("`files[0].name` {word}"),
        ),
        (
            json!([{"name": "a\nb", "data": "eA=="}]),
            format!("`files[0].name` {word}"),
        ),
        (
            json!([{"name": "a\u{202e}gnp.exe", "data": "eA=="}]),
            format!("`files[0].name` {word}"),
        ),
        (
            json!([{"name": " ", "data": "eA=="}]),
            format!("`files[0].name` {word}"),
        ),
        (
            json!([file("a", b"x"), {"name": "a", "data": "e A="}]),
            format!("`files[1].data` {base64}"),
        ),
        (
            json!([{"name": "a", "data": "eA==\n"}]),
            format!("`files[0].data` {base64}"),
        ),
        (
            json!([{"name": "a", "data": "-_-_"}]),
            format!("`files[0].data` {base64}"),
        ),
        (
            json!([{"name": "a", "data": ""}]),
            "`files[0].data` must not be empty".to_owned(),
        ),
        (
            json!([{"name": "a", "data": "eA==", "type": "png"}]),
            format!("`files[0].type` {kind}"),
        ),
        (
            json!([{"name": "a", "data": "eA==", "type": "a/b\r\nX: y"}]),
            format!("`files[0].type` {kind}"),
        ),
        (
            json!([{"name": "a", "data": "eA==", "url": "x"}]),
            "`files[0].url` is not a parameter here; allowed: name, data, type, description"
                .to_owned(),
        ),
        (
            json!([{"name": "a", "data": "eA==", "description": "x".repeat(1025)}]),
            "`files[0].description` must be 1 to 1024 characters long; it has 1025".to_owned(),
        ),
        (
            json!(vec![file("a", b"x"); 11]),
            "`files` may hold at most 10 files".to_owned(),
        ),
    ];
    for (files, message) in table {
        let answer = send(&app, json!({"message": "hi", "files": files})).await;
        let error = json!({"code": "invalid_params", "message": message});
        assert_eq!(answer.body["error"], error, "{files}");
        assert_eq!(answer.status, 422);
    }
    assert!(app.discord.requests().is_empty());
    let answer = send(&app, json!({"files": vec![file("a", b"x"); 10]})).await;
    let shown = answer.result()["message"]["attachments"]
        .as_array()
        .unwrap();
    assert_eq!(shown.len(), 10);
}

#[tokio::test]
async fn the_operator_bounds_the_files_of_a_call_together() {
    let app = App::with(&[("ATTACHMENT_LIMIT", "1KiB")]).await;
    let halves =
        |second: usize| json!({"files": [file("a", &[0; 512]), file("b", &vec![0; second])]});
    assert_eq!(send(&app, halves(512)).await.status, 200);
    app.discord.clear_requests();
    let error = json!({
        "code": "payload_too_large",
        "message": "`files` hold 1025 bytes; this server sends at most 1024 in all",
    });
    assert_failure(&send(&app, halves(513)).await, 413, error);
    let app = App::with(&[("ATTACHMENT_LIMIT", "0")]).await;
    let error = json!({"code": "invalid_params", "message": "This server sends no `files`"});
    let answer = send(&app, json!({"files": [file("a", b"x")]})).await;
    assert_failure(&answer, 422, error);
    assert!(app.discord.requests().is_empty());
    assert_eq!(
        send(&app, json!({"message": "hi", "files": []}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_trail_keeps_names_and_sizes_and_no_data() {
    let description = "Depths by hour";
    for (policy, name, told) in [
        ("full", json!("a.txt"), json!(description)),
        ("none", Value::Null, Value::Null),
    ] {
        let app = App::with(&[("AUDIT_CONTENT", policy)]).await;
        for size in 1..5_usize {
            for padded in [true, false] {
                let data = vec![b'x'; size];
                let data = match padded {
                    true => STANDARD.encode(data),
                    false => STANDARD_NO_PAD.encode(data),
                };
                let mut file = json!({"name": "a.txt", "data": data, "type": "text/plain"});
                file["description"] = description.into();
                let answer = send(&app, json!({"files": [file]})).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
                for line in app.audit().iter().rev().take(2) {
                    let kept = &line["params"]["files"][0];
                    assert_eq!(kept["size"], size, "{line}");
                    assert_eq!((&kept["name"], &kept["description"]), (&name, &told));
                    assert_eq!(kept.get("data"), None);
                }
            }
        }
    }
    // A title is what somebody wrote, too.
    let app = App::with(&[("AUDIT_CONTENT", "none")]).await;
    let post = json!({"channel_id": FORUM, "title": "Buoy", "tags": ["sensor"], "message": "hi"});
    assert_eq!(app.invoke("send_message", post).await.status, 200);
    let kept = app.audit().pop().unwrap()["params"].clone();
    assert_eq!(kept, json!({"channel_id": FORUM, "tags": []}));
}

#[tokio::test]
async fn a_bot_that_may_attach_nothing_may_write_all_the_same() {
    let app = App::start().await;
    app.discord
        .with(|world| world.channel_mut(GENERAL).permissions.attach_files = false);
    let files = json!({"message": "hi", "files": [file("a", b"x")]});
    for _ in 0..2 {
        let answer = send(&app, files.clone()).await;
        let message = "Bot doesn't have permission to send files in this channel: SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS) and ATTACH_FILES";
        assert_eq!((answer.status, answer.message()), (403, message));
        assert_eq!(send(&app, json!({"message": "hi"})).await.status, 200);
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_for_discord_is_told() {
    let app = App::start().await;
    app.discord.with(|world| world.file_limit = 100);
    let answer = send(&app, json!({"files": [file("a", &[0; 101])]})).await;
    let error = json!({
        "code": "payload_too_large",
        "message": "Discord takes no files of this size here",
        "hint": "Send smaller files.",
        "discord": {"status": 413, "code": 40005},
    });
    assert_failure(&answer, 413, error);
}
