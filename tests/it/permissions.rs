//! What a bot may do in a channel: the cases that Discord's documentation tells of, with the bits as
//! they stand there. Threads are in `permissions_threads.rs`.
//! <https://discord.com/developers/docs/topics/permissions>

use discord_mcp_server::discord::permissions::{
    Ability, Asker, Channel, Guild, Member, Permissions, in_direct_message,
};
use serde_json::{Value, json};

use crate::support::permissions::*;

#[test]
fn permissions_are_bits_in_a_string() {
    let both: Permissions = read(json!("2112"));
    assert_eq!(both, Permissions::from_bits(0x40 | 0x800));
    assert!(both.contains(Permissions::ADD_REACTIONS));
    assert!(both.contains(Permissions::SEND_MESSAGES));
    assert!(!both.contains(Permissions::from_bits(0x2)));
    assert!(!both.contains(Permissions::ADD_REACTIONS | Permissions::from_bits(0x2)));
    // The role of the documentation's example.
    let role: Permissions = read(json!("66321471"));
    assert_eq!(role.bits(), 0x03f3_fc3f);
    let odd = [
        (json!("18446744073709551617"), 1),
        (json!(2112), 2112),
        (json!("-1"), 0),
        (json!("x"), 0),
        (json!(null), 0),
        (json!({"a": []}), 0),
        (json!(1.5), 0),
    ];
    for (value, bits) in odd {
        let read: Permissions = read(value.clone());
        assert_eq!(read.bits(), bits, "{value}");
    }
}

#[test]
fn each_permission_is_the_documented_bit() {
    let table = [
        (Permissions::ADMINISTRATOR, ADMINISTRATOR),
        (Permissions::ADD_REACTIONS, ADD_REACTIONS),
        (Permissions::VIEW_CHANNEL, VIEW),
        (Permissions::SEND_MESSAGES, SEND),
        (Permissions::MANAGE_MESSAGES, MANAGE_MESSAGES),
        (Permissions::EMBED_LINKS, EMBED),
        (Permissions::ATTACH_FILES, ATTACH),
        (Permissions::READ_MESSAGE_HISTORY, HISTORY),
        (Permissions::MENTION_EVERYONE, MENTION),
        (Permissions::CONNECT, CONNECT),
        (Permissions::MANAGE_THREADS, MANAGE_THREADS),
        (Permissions::CREATE_PUBLIC_THREADS, PUBLIC_THREADS),
        (Permissions::CREATE_PRIVATE_THREADS, PRIVATE_THREADS),
        (Permissions::SEND_MESSAGES_IN_THREADS, SEND_IN_THREADS),
        (Permissions::PIN_MESSAGES, PIN),
    ];
    for (permission, bits) in table {
        assert_eq!(permission.bits(), bits);
    }
}

#[test]
fn words_are_the_same_in_json() {
    for ability in Ability::ALL {
        assert_eq!(json!(ability), ability.word());
    }
}

#[test]
fn a_bot_that_may_everything_can_do_in_each_kind_of_channel_what_there_is_to_do() {
    let guild = guild(EVERYTHING, 0, 0);
    let writing = ["attach_files", "embed_links", "mention_everyone"];
    let rest = ["add_reactions", "pin_messages", "manage_messages"];
    let text = [
        "view",
        "read_history",
        "send",
        "send_in_threads",
        "create_threads",
        "create_private_threads",
    ];
    let all =
        |first: &[&'static str], last: &[&'static str]| [first, &writing, &rest, last].concat();
    let threads = ["manage_threads"];
    assert_eq!(can(&guild, &[], 0, &[]), all(&text, &threads));
    assert_eq!(can(&guild, &[], 5, &[]), all(&text[..5], &threads));
    for voice in [2, 13] {
        assert_eq!(can(&guild, &[], voice, &[]), all(&text[..3], &[]));
    }
    let forum = ["view", "read_history", "send_in_threads", "create_posts"];
    for kind in [15, 16] {
        assert_eq!(can(&guild, &[], kind, &[]), all(&forum, &threads));
    }
    for kind in [4, 14] {
        assert_eq!(can(&guild, &[], kind, &[]), ["view"]);
    }
    assert_eq!(can(&guild, &[], 99, &[]), all(&text, &threads), "as text");
    for kind in [10, 11] {
        let here = can_in_thread(&guild, json!({"type": kind}), &[]);
        assert_eq!(here, all(&text[..4], &threads));
    }
}

#[test]
fn roles_add_up_and_their_order_does_not_matter() {
    let guild = guild(VIEW, SEND, HISTORY);
    assert_eq!(can(&guild, &[], 0, &[]), ["view"]);
    assert_eq!(can(&guild, &[ROLE_A], 0, &[]), ["view", "send"]);
    let both = ["view", "read_history", "send"];
    assert_eq!(can(&guild, &[ROLE_A, ROLE_B], 0, &[]), both);
    assert_eq!(can(&guild, &[ROLE_B, ROLE_A], 0, &[]), both);
    assert_eq!(can(&guild, &["77"], 0, &[]), ["view"], "an unknown role");
}

#[test]
fn a_role_that_allows_wins_over_one_that_denies() {
    // The documentation's #coolstuff: role A denies the view, role B allows it.
    let guild = guild(VIEW, 0, 0);
    let coolstuff = [overwrite(ROLE_A, 0, VIEW), overwrite(ROLE_B, VIEW, 0)];
    assert_eq!(can(&guild, &[ROLE_A, ROLE_B], 0, &coolstuff), ["view"]);
    assert!(can(&guild, &[ROLE_A], 0, &coolstuff).is_empty());
    let turned = [coolstuff[1].clone(), coolstuff[0].clone()];
    assert_eq!(can(&guild, &[ROLE_A, ROLE_B], 0, &turned), ["view"]);
}

#[test]
fn the_steps_come_in_the_documented_order() {
    let guild = guild(VIEW | SEND, HISTORY, 0);
    let of = |overwrites: &[Value]| can(&guild, &[ROLE_A], 0, overwrites);
    let everyone = overwrite(GUILD, 0, SEND | HISTORY);
    assert_eq!(of(std::slice::from_ref(&everyone)), ["view"]);
    let role = overwrite(ROLE_A, SEND, 0);
    assert_eq!(of(&[role.clone(), everyone.clone()]), ["view", "send"]);
    let own = overwrite(BOT, HISTORY, SEND);
    assert_eq!(of(&[own.clone(), role, everyone]), ["view", "read_history"]);
    // In one step the denial goes first.
    let contradiction = overwrite(BOT, SEND, SEND);
    assert_eq!(of(&[contradiction]), ["view", "read_history", "send"]);
    let of_others = [overwrite(ROLE_B, 0, VIEW), overwrite(OWNER, 0, VIEW)];
    assert_eq!(of(&of_others), ["view", "read_history", "send"]);
}

#[test]
fn the_owner_and_administrators_are_bound_by_nothing() {
    let denied = [
        overwrite(GUILD, 0, EVERYTHING),
        overwrite(BOT, 0, EVERYTHING),
        overwrite(OWNER, 0, EVERYTHING),
    ];
    let plain = guild(VIEW, 0, 0);
    let all = can(&guild(EVERYTHING, 0, 0), &[], 0, &[]);
    assert!(can(&plain, &[], 0, &denied).is_empty());
    assert_eq!(can(&guild(0, ADMINISTRATOR, 0), &[ROLE_A], 0, &denied), all);
    assert!(can(&guild(0, ADMINISTRATOR, 0), &[ROLE_B], 0, &denied).is_empty());
    let mut member = member(&[]);
    member.communication_disabled_until = Some(NOW + time::Duration::HOUR);
    for guild in [&plain, &guild(ADMINISTRATOR, 0, 0)] {
        let owner = Asker {
            guild,
            user: user(OWNER),
            member: &member,
        };
        assert_eq!(owner.in_guild(), Permissions::ALL);
        assert_eq!(words(&owner.can(&channel(0, &denied), None, NOW)), all);
    }
    // An overwrite makes nobody an administrator.
    let given = [overwrite(BOT, ADMINISTRATOR, 0), overwrite(GUILD, 0, VIEW)];
    assert!(can(&plain, &[], 0, &given).is_empty());
}

#[test]
fn a_guild_whose_owner_is_not_known_is_owned_by_somebody_else() {
    let mut guild = guild(VIEW, 0, 0);
    guild.owner_id = None;
    assert_eq!(can(&guild, &[], 0, &[]), ["view"]);
}

#[test]
fn without_the_view_nothing_is_left_and_without_sending_nothing_that_is_sent() {
    let guild = guild(EVERYTHING, 0, 0);
    assert!(can(&guild, &[], 0, &[overwrite(GUILD, 0, VIEW)]).is_empty());
    let mute = can(&guild, &[], 0, &[overwrite(GUILD, 0, SEND)]);
    let left = [
        "view",
        "read_history",
        "send_in_threads",
        "create_threads",
        "create_private_threads",
        "add_reactions",
        "pin_messages",
        "manage_messages",
        "manage_threads",
    ];
    assert_eq!(mute, left);
    let blind = can(&guild, &[], 0, &[overwrite(GUILD, 0, HISTORY)]);
    assert!(!blind.contains(&"read_history") && !blind.contains(&"add_reactions"));
    for voice in [2, 13] {
        let outside = [overwrite(GUILD, 0, CONNECT)];
        assert_eq!(can(&guild, &[], voice, &outside), ["view"]);
        assert!(can(&guild, &[], 0, &outside).contains(&"send"));
    }
    let silent = can(&guild, &[], 15, &[overwrite(GUILD, 0, SEND)]);
    assert!(!silent.contains(&"create_posts") && silent.contains(&"send_in_threads"));
    let posts_only = can(&guild, &[], 15, &[overwrite(GUILD, 0, PUBLIC_THREADS)]);
    assert!(posts_only.contains(&"create_posts"));
}

#[test]
fn a_timeout_leaves_the_view_and_the_history_until_it_ends() {
    let guild = guild(EVERYTHING, 0, 0);
    let full = can(&guild, &[], 0, &[]);
    let table = [
        (json!("2026-11-06T12:00:01.000000+00:00"), false),
        (json!("2026-11-06T13:00:00+02:00"), true),
        (json!("2026-11-06T12:00:00+00:00"), true),
        (json!(null), true),
        (json!("tomorrow"), true),
        (json!(7), true),
    ];
    for (until, over) in table {
        let member: Member = read(json!({"communication_disabled_until": until}));
        let asker = Asker {
            guild: &guild,
            user: user(BOT),
            member: &member,
        };
        let given = channel(0, &[overwrite(BOT, EVERYTHING, 0)]);
        let here = words(&asker.can(&given, None, NOW));
        let expected = if over {
            full.as_slice()
        } else {
            &["view", "read_history"]
        };
        assert_eq!(here, expected, "{until}");
    }
}

#[test]
fn in_a_direct_message_there_is_nobody_to_ask() {
    let expected = [
        "view",
        "read_history",
        "send",
        "attach_files",
        "embed_links",
        "add_reactions",
        "pin_messages",
    ];
    assert_eq!(words(&in_direct_message()), expected);
}

#[test]
fn odd_parts_of_an_answer_cost_themselves() {
    let guild: Guild = read(json!({
        "id": GUILD, "owner_id": 7, "roles": [
            null, 7, {"permissions": "8"}, {"id": ROLE_A, "permissions": ["8"]},
            {"id": GUILD, "permissions": "3072", "position": "first"},
        ],
    }));
    let member: Member = read(json!({"roles": [null, 7, ROLE_A, "x"]}));
    let asker = Asker {
        guild: &guild,
        user: user(BOT),
        member: &member,
    };
    assert_eq!(asker.in_guild().bits(), 3072);
    let channel: Channel = read(json!({
        "type": "text", "thread_metadata": [], "member": 7, "permission_overwrites": [
            null, {"allow": "8"}, {"id": BOT, "allow": "65536", "deny": {"odd": 1}},
        ],
    }));
    let here = words(&asker.can(&channel, None, NOW));
    assert_eq!(here, ["view", "read_history", "send"]);
}
