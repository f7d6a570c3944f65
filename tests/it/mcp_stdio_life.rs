//! The life of a `stdio` process: what it does not start with, what ends in it, how it ends.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::discord::seed::{ALICE, GENERAL, VOICE};
use crate::support::discord::{Fault, On, StandIn};
use crate::support::mcp::LEGACY;
use crate::support::stdio::{Stdio, called, end_well, initialize, legacy, modern, outcomes};
use crate::support::{tokens, until};

const LIST: On = On::Route("GET /channels/{channel_id}/messages");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_token_it_does_not_start() {
    let discord = StandIn::start().await;
    let unset = "error: DISCORD_MCP_TOKEN is not set: put a JWT there, as `discord-mcp-server mint-token` prints it\n";
    let foreign_key = {
        let dir = tempfile::tempdir().unwrap();
        discord_mcp_server::auth::Keys::load_or_create(dir.path()).unwrap();
        let key = std::fs::read(dir.path().join(tokens::PRIVATE)).unwrap();
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(&key).unwrap();
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        header.kid = Some(tokens::kid().to_owned());
        jsonwebtoken::encode(&header, &tokens::claims(), &key).unwrap()
    };
    let mut broken = tokens::token();
    broken.truncate(broken.len() - 10);
    let now = tokens::now();
    for (token, expected) in [
        (String::new(), Some(unset)),
        (" ".to_owned(), Some(unset)),
        ("not-a-token".to_owned(), None),
        (broken, None),
        (
            tokens::token_with(json!({"iat": now - 7200, "exp": now - 3600})),
            None,
        ),
        (tokens::token_with(json!({"aud": "another-server"})), None),
        (tokens::token_with(json!({"iss": "another-issuer"})), None),
        (foreign_key, None),
    ] {
        let ended = Stdio::start(&discord, &token, &[("RUST_LOG", "trace")]).end();
        assert_eq!(ended.code, Some(2), "{}", ended.log);
        assert_eq!(ended.lines, Vec::<String>::new());
        let refused: Vec<_> = ended
            .log
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(refused.len(), 1, "{}", ended.log);
        match expected {
            Some(line) => assert_eq!(format!("{}\n", refused[0]), line),
            None => assert!(
                refused[0].starts_with("error: DISCORD_MCP_TOKEN was refused: "),
                "{}",
                ended.log
            ),
        }
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(
                !ended.log.contains(part),
                "the token is in the log: {}",
                ended.log
            );
        }
        assert_eq!(ended.audit, Vec::<Value>::new());
    }
    let quiet = Stdio::start(&discord, "not-a-token", &[]).end();
    assert_eq!(quiet.log.lines().count(), 1, "{}", quiet.log);
    assert!(discord.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expires_is_refused_from_then_on() {
    let discord = StandIn::start().await;
    // Clocks may be five seconds apart, so this one is good for about three more.
    let now = tokens::now();
    let token = tokens::token_with(json!({"iat": now - 100, "exp": now - 2}));
    let mut client = Stdio::start(&discord, &token, &[]);
    client.ask(&initialize(LEGACY[3]));
    let call = |id| {
        legacy(
            id,
            "tools/call",
            called("get_channel_info", &json!({"channel_id": GENERAL})),
        )
    };
    let first = client.ask(&call(1));
    assert_eq!(
        first["result"]["structuredContent"]["name"], "general",
        "{first}"
    );
    while tokens::now() <= now + 4 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let sent = discord.requests().len();
    let uri = json!({"uri": format!("discord://channels/{GENERAL}")});
    for request in [
        call(2),
        legacy(3, "tools/list", json!({})),
        legacy(4, "resources/read", uri),
        legacy(5, "prompts/list", json!({})),
    ] {
        let answer = client.ask(&request);
        assert_eq!(answer["error"]["data"]["code"], "invalid_token", "{answer}");
        assert_eq!(answer.get("result"), None);
    }
    assert_eq!(discord.requests().len(), sent);
    let ended = end_well(client, &discord);
    assert_eq!(outcomes(&ended.audit), ["ok"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_scan_stops_and_is_not_answered() {
    for (is_modern, id) in [(true, 7), (false, 8)] {
        let discord = StandIn::start().await;
        discord.with(|world| {
            for number in 0..2000 {
                world.post(VOICE, ALICE, &format!("talk {number}"));
            }
        });
        let pace = Duration::from_millis(60);
        discord.fault(LIST, usize::MAX, Fault::Delay(pace));
        let mut client = Stdio::start(&discord, &tokens::token(), &[]);
        let scan =
            json!({"channel_id": VOICE, "query": "submarine", "mode": "scan", "max_scan": 5000});
        let params = called("search_messages", &scan);
        if is_modern {
            client.send(&modern(id, "tools/call", params, false));
        } else {
            client.ask(&initialize(LEGACY[2]));
            client.send(&legacy(id, "tools/call", params));
        }
        until("a second page is read", || discord.requests().len() > 1).await;
        let reason = json!({"requestId": id, "reason": "no longer wanted"});
        client.send(
            &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": reason}),
        );
        until("the outcome is written", || !client.audit().is_empty()).await;
        let sent = discord.requests().len();
        assert!(sent < 20, "the scan was over before it was cancelled");
        // Long enough for two more pages.
        tokio::time::sleep(3 * pace).await;
        assert_eq!(discord.requests().len(), sent);
        // The next line answers the next request: nothing was said of the cancelled one.
        discord.clear_faults();
        let info = called("get_channel_info", &json!({"channel_id": GENERAL}));
        let next = match is_modern {
            true => modern(99, "tools/call", info, false),
            false => legacy(99, "tools/call", info),
        };
        client.ask(&next);
        let ended = end_well(client, &discord);
        assert_eq!(outcomes(&ended.audit), ["cancelled", "ok"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_comes_before_the_result() {
    let discord = StandIn::start().await;
    discord.with(|world| {
        world.channel_mut(VOICE).messages.clear();
        for number in 0..150 {
            world.post(VOICE, ALICE, &format!("talk {number}"));
        }
    });
    let mut client = Stdio::start(&discord, &tokens::token(), &[]);
    client.ask(&initialize(LEGACY[3]));
    let scan = json!({"channel_id": VOICE, "query": "submarine", "mode": "scan"});
    let mut params = called("search_messages", &scan);
    params["_meta"] = json!({"progressToken": "p"});
    client.send(&legacy(1, "tools/call", params));
    for progress in [100.0, 150.0] {
        let step = client.receive();
        assert_eq!(step["method"], "notifications/progress", "{step}");
        assert_eq!(step["params"]["progress"], progress);
        assert_eq!(step["params"]["progressToken"], "p");
    }
    assert_eq!(
        client.receive()["result"]["structuredContent"]["scanned"],
        150
    );
    end_well(client, &discord);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_its_input_ends_it_once_its_calls_are_recorded() {
    let discord = StandIn::start().await;
    discord.fault(On::Any, 1, Fault::Delay(Duration::from_millis(300)));
    let mut client = Stdio::start(&discord, &tokens::token(), &[]);
    let send = called(
        "send_message",
        &json!({"channel_id": GENERAL, "message": "the last words"}),
    );
    client.send(&modern(1, "tools/call", send, false));
    until("it is on its way", || !discord.requests().is_empty()).await;
    let ended = client.end();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(outcomes(&ended.audit), ["ok"]);
    let newest = discord.with(|world| world.messages(GENERAL).pop().unwrap().content().to_owned());
    assert_eq!(newest, "the last words");
}

/// A client that only looks whether the program starts closes its input, and that is no fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_that_ends_at_once_ends_it_well() {
    let discord = StandIn::start().await;
    let client = Stdio::start(&discord, &tokens::token(), &[]);
    let ended = end_well(client, &discord);
    assert_eq!(ended.audit, Vec::<Value>::new());
}
