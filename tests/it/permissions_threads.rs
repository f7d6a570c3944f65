//! What a bot may do in a thread: what its parent says, but for sending, private threads, locks and
//! archives. <https://discord.com/developers/docs/topics/threads#permissions>

use discord_mcp_server::discord::permissions::{Asker, Channel};
use serde_json::json;

use crate::support::permissions::*;

#[test]
fn a_thread_has_its_parents_permissions_but_one() {
    let thread = json!({"type": 11});
    let guild = guild(VIEW | SEND | ATTACH, 0, 0);
    assert_eq!(can_in_thread(&guild, thread.clone(), &[]), ["view"]);
    let talk = [overwrite(GUILD, SEND_IN_THREADS, SEND)];
    let expected = ["view", "send", "send_in_threads", "attach_files"];
    assert_eq!(can_in_thread(&guild, thread.clone(), &talk), expected);
    let hidden = [overwrite(GUILD, SEND_IN_THREADS, VIEW)];
    assert!(can_in_thread(&guild, thread.clone(), &hidden).is_empty());
    let own = json!({"type": 11, "permission_overwrites": [overwrite(GUILD, HISTORY, VIEW)]});
    assert_eq!(
        can_in_thread(&guild, own, &[]),
        ["view"],
        "a thread has none"
    );
    let asker = Asker {
        guild: &guild,
        user: user(BOT),
        member: &member(&[]),
    };
    let thread: Channel = read(thread);
    assert!(asker.can(&thread, None, NOW).is_empty());
}

#[test]
fn a_private_thread_is_for_those_in_it_and_for_moderators() {
    let outside = json!({"type": 12, "thread_metadata": {"archived": false, "locked": false}});
    let inside = json!({"type": 12, "member": {"id": "5", "user_id": BOT, "flags": 1}});
    let people = guild(VIEW | HISTORY, 0, 0);
    assert!(can_in_thread(&people, outside.clone(), &[]).is_empty());
    assert_eq!(
        can_in_thread(&people, inside, &[]),
        ["view", "read_history"]
    );
    let moderator = guild(VIEW | MANAGE_THREADS, 0, 0);
    assert_eq!(
        can_in_thread(&moderator, outside, &[]),
        ["view", "manage_threads"]
    );
}

#[test]
fn locks_bind_all_but_moderators_and_an_archive_everyone() {
    let most = EVERYTHING & !(MANAGE_THREADS | EMBED | ATTACH | MENTION | HISTORY);
    let (people, moderator) = (guild(most | HISTORY, 0, 0), guild(EVERYTHING, 0, 0));
    let thread = |archived: bool, locked: bool| {
        let metadata = json!({"archived": archived, "locked": locked});
        json!({"type": 11, "thread_metadata": metadata})
    };
    let seen = ["view", "read_history"];
    let sending = ["send", "send_in_threads"];
    let table: [(bool, bool, &[&str]); 4] = [
        (
            false,
            false,
            &["add_reactions", "pin_messages", "manage_messages"],
        ),
        (true, false, &["manage_messages"]),
        (false, true, &["add_reactions", "manage_messages"]),
        (true, true, &[]),
    ];
    for (archived, locked, more) in table {
        let sending: &[&str] = if locked { &[] } else { &sending };
        let expected = [&seen, sending, more].concat();
        let here = can_in_thread(&people, thread(archived, locked), &[]);
        assert_eq!(here, expected, "archived {archived}, locked {locked}");
        let here = can_in_thread(&moderator, thread(archived, locked), &[]);
        let open = can_in_thread(&moderator, thread(archived, false), &[]);
        assert_eq!(here, open, "a moderator, archived {archived}");
        assert!(here.contains(&"send") && here.contains(&"manage_messages"));
        assert_eq!(here.contains(&"add_reactions"), !archived);
    }
}
