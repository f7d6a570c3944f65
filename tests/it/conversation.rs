//! An agent that knows nothing but a server's and a channel's name does what a person with all ids
//! at hand would do, at no call more.

use serde_json::{Value, json};

use crate::support::discord::seed::{BOT_USER, GENERAL, PICTURE, THREAD};
use crate::support::{App, Mcp};

/// Calls a tool as a model does, and gives what it reads.
async fn call(client: &Mcp, calls: &mut usize, tool: &str, arguments: Value) -> Value {
    *calls += 1;
    let answer = client.call(tool, arguments).await;
    let result = answer.result().clone();
    assert_ne!(result["isError"], true, "{tool}: {result}");
    result
}

#[tokio::test]
async fn with_two_names_an_agent_finds_its_way() {
    let app = App::start().await;
    let client = Mcp::modern(&app);
    let mut calls = 0;
    let name = "Harbour Makers/#general";

    // The last days of the channel, with the first picture there is.
    let read = json!({"channel_id": name, "after": "2026-11-02T00:00:00Z", "limit": 100, "include_images": 1});
    let read = call(&client, &mut calls, "get_messages", read).await;
    let page = &read["structuredContent"];
    assert_eq!(page["messages"][0]["channel_id"], GENERAL);
    let picture = &read["content"][1];
    assert_eq!(
        (&picture["type"], &picture["data"]),
        (&json!("image"), &json!(PICTURE))
    );
    let messages = page["messages"].as_array().unwrap();
    let thread = messages
        .iter()
        .find_map(|message| message["thread_id"].as_str());
    assert_eq!(thread, Some(THREAD));

    // What was said in the thread that one of them began.
    let inside = json!({"channel_id": thread});
    let inside = call(&client, &mut calls, "get_messages", inside).await;
    let newest = &inside["structuredContent"]["messages"][0];
    assert_eq!(newest["channel_id"], THREAD);

    // An answer there, with a file.
    let file = json!({"name": "ideas.txt", "data": "b25lCnR3bwo=", "type": "text/plain"});
    let answer = json!({
        "channel_id": thread,
        "reply_to": newest["id"],
        "message": "Both, in a list.",
        "files": [file],
    });
    let sent = call(&client, &mut calls, "send_message", answer).await;
    let sent = &sent["structuredContent"];
    assert_eq!(sent["message"]["author"]["id"], BOT_USER);
    assert_eq!(sent["message"]["attachments"][0]["filename"], "ideas.txt");
    let link = sent["jump_url"].as_str().unwrap();
    assert!(link.contains(THREAD), "{link}");

    // A phrase, looked for by an author's name.
    let search = json!({"channel_id": name, "query": "wiring", "author_id": "@Bob"});
    let found = call(&client, &mut calls, "search_messages", search).await;
    let first = &found["structuredContent"]["messages"][0];
    assert_eq!(first["author"]["username"], "bob_solders");

    // Its own message goes again, by the link that it was given.
    let delete = json!({"channel_id": link});
    let gone = call(&client, &mut calls, "moderate_content", delete).await;
    let id = sent["message"]["id"].as_str().unwrap();
    assert_eq!(gone["structuredContent"]["deleted"], json!([id]));
    assert!(
        app.discord
            .with(|world| world.message(THREAD, id).is_none())
    );

    // With all ids: read, read the thread, answer, search, delete.
    assert_eq!(calls, 5);
    assert_eq!(app.discord.violations(), Vec::<String>::new());
}
