//! The computing of permissions held against a slow plain reading of Discord's rules: one permission
//! at a time, by name, step by step as the documentation numbers them.
//! <https://discord.com/developers/docs/topics/permissions#permission-overwrites>

use std::collections::BTreeSet;

use discord_mcp_server::discord::permissions::{Asker, Channel, Guild, Member};
use discord_mcp_server::discord::{Snowflake, UserId};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;

use crate::support::permissions::read;

const GUILD: u64 = 1;
const OWNER: u64 = 2;
const BOT: u64 = 3;
const ROLES: [u64; 4] = [11, 12, 13, 14];

/// The permissions by the documentation's names, and their bits in hexadecimal as they stand there.
const NAMES: [(&str, u64); 16] = [
    ("ADMINISTRATOR", 0x0000_0000_0000_0008),
    ("ADD_REACTIONS", 0x0000_0000_0000_0040),
    ("VIEW_CHANNEL", 0x0000_0000_0000_0400),
    ("SEND_MESSAGES", 0x0000_0000_0000_0800),
    ("MANAGE_MESSAGES", 0x0000_0000_0000_2000),
    ("EMBED_LINKS", 0x0000_0000_0000_4000),
    ("ATTACH_FILES", 0x0000_0000_0000_8000),
    ("READ_MESSAGE_HISTORY", 0x0000_0000_0001_0000),
    ("MENTION_EVERYONE", 0x0000_0000_0002_0000),
    ("CONNECT", 0x0000_0000_0010_0000),
    ("MANAGE_THREADS", 0x0000_0004_0000_0000),
    ("CREATE_PUBLIC_THREADS", 0x0000_0008_0000_0000),
    ("CREATE_PRIVATE_THREADS", 0x0000_0010_0000_0000),
    ("SEND_MESSAGES_IN_THREADS", 0x0000_0040_0000_0000),
    ("PIN_MESSAGES", 0x0008_0000_0000_0000),
    ("CREATE_INSTANT_INVITE", 0x0000_0000_0000_0001),
];

/// A set of permissions, by their places in `NAMES`.
type Set = BTreeSet<usize>;

#[derive(Clone, Debug)]
struct Overwrite {
    id: u64,
    allow: Set,
    deny: Set,
}

/// Everything that has a say.
#[derive(Clone, Debug)]
struct Case {
    owner: bool,
    everyone: Set,
    roles: Vec<Set>,
    held: BTreeSet<usize>,
    /// Minutes until the timeout ends; below zero it has ended.
    timeout: Option<i64>,
    overwrites: Vec<Overwrite>,
    kind: u64,
    joined: bool,
    archived: bool,
    locked: bool,
}

fn set() -> impl Strategy<Value = Set> {
    prop::collection::btree_set(0..NAMES.len(), 0..NAMES.len())
}

/// Mostly without administrators, or nothing else would ever count.
fn lesser_set() -> impl Strategy<Value = Set> {
    (set(), 0..8).prop_map(|(mut set, luck)| {
        if luck > 0 {
            set.remove(&0);
        }
        set
    })
}

fn overwrites() -> impl Strategy<Value = Vec<Overwrite>> {
    let ids = [GUILD, ROLES[0], ROLES[1], ROLES[2], ROLES[3], BOT, 99];
    let ids = prop::sample::subsequence(ids.to_vec(), 0..=ids.len()).prop_shuffle();
    ids.prop_flat_map(|ids| {
        let of = |id| (Just(id), set(), set());
        ids.into_iter().map(of).collect::<Vec<_>>()
    })
    .prop_map(|all| {
        let all = all.into_iter();
        all.map(|(id, allow, deny)| Overwrite { id, allow, deny })
            .collect()
    })
}

fn case() -> impl Strategy<Value = Case> {
    let kinds = [0_u64, 2, 4, 5, 10, 11, 12, 13, 15, 16, 42];
    let people = (
        prop::bool::weighted(0.05),
        lesser_set(),
        prop::collection::vec(lesser_set(), ROLES.len()),
        prop::collection::btree_set(0..ROLES.len(), 0..=ROLES.len()),
        prop::option::weighted(0.3, -60_i64..60),
    );
    let place = (
        overwrites(),
        prop::sample::select(kinds.to_vec()),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    (people, place).prop_map(|((owner, everyone, roles, held, timeout), place)| {
        let (overwrites, kind, joined, archived, locked) = place;
        Case {
            owner,
            everyone,
            roles,
            held,
            timeout,
            overwrites,
            kind,
            joined,
            archived,
            locked,
        }
    })
}

impl Case {
    fn user(&self) -> u64 {
        if self.owner { OWNER } else { BOT }
    }

    fn is_thread(&self) -> bool {
        matches!(self.kind, 10..=12)
    }

    /// Whether the permission is held, by the eight steps.
    fn holds(&self, name: &str) -> bool {
        let place = |name| NAMES.iter().position(|(known, _)| *known == name).unwrap();
        let guild_gives = |name| {
            let everyone = self.everyone.contains(&place(name)); // 1.
            let roles = self
                .held
                .iter()
                .any(|&role| self.roles[role].contains(&place(name))); // 2.
            everyone || roles
        };
        if self.owner || guild_gives("ADMINISTRATOR") {
            return true;
        }
        let silent = self.timeout.is_some_and(|minutes| minutes > 0);
        if silent && name != "VIEW_CHANNEL" && name != "READ_MESSAGE_HISTORY" {
            return false;
        }
        let held_roles: Vec<u64> = self.held.iter().map(|&role| ROLES[role]).collect();
        let says = |ids: &[u64], which: fn(&Overwrite) -> &Set| {
            let mut found = self.overwrites.iter().filter(|one| ids.contains(&one.id));
            found.any(|one| which(one).contains(&place(name)))
        };
        let mut holds = guild_gives(name);
        for ids in [&[GUILD][..], &held_roles, &[self.user()]] {
            if says(ids, |one| &one.deny) {
                holds = false; // 3., 5., 7.
            }
            if says(ids, |one| &one.allow) {
                holds = true; // 4., 6., 8.
            }
        }
        holds
    }

    /// The word that an agent reads, held against the pages on permissions, threads and messages.
    fn expects(&self, word: &str) -> bool {
        if !self.holds("VIEW_CHANNEL") {
            return false;
        }
        let moderator = self.holds("MANAGE_THREADS");
        if self.kind == 12 && !self.joined && !moderator {
            return false;
        }
        if word == "view" {
            return true;
        }
        match self.kind {
            4 => return false,
            2 | 13 if !self.holds("CONNECT") => return false,
            _ => {}
        }
        let (archived, locked) = match self.is_thread() {
            true => (self.archived, self.locked && !moderator),
            false => (false, false),
        };
        let forum = matches!(self.kind, 15 | 16);
        let voice = matches!(self.kind, 2 | 13);
        let sends = match self.is_thread() {
            true => self.holds("SEND_MESSAGES_IN_THREADS") && !locked,
            false => self.holds("SEND_MESSAGES"),
        };
        match word {
            "read_history" => self.holds("READ_MESSAGE_HISTORY"),
            "send" => sends && !forum,
            "send_in_threads" if self.is_thread() => sends,
            "send_in_threads" => self.holds("SEND_MESSAGES_IN_THREADS") && !voice,
            "create_posts" => sends && forum,
            "create_threads" => {
                self.holds("CREATE_PUBLIC_THREADS") && !forum && !voice && !self.is_thread()
            }
            "create_private_threads" => {
                self.holds("CREATE_PRIVATE_THREADS") && matches!(self.kind, 0 | 42)
            }
            "attach_files" => sends && self.holds("ATTACH_FILES"),
            "embed_links" => sends && self.holds("EMBED_LINKS"),
            "mention_everyone" => sends && self.holds("MENTION_EVERYONE"),
            "add_reactions" => {
                self.holds("ADD_REACTIONS") && self.holds("READ_MESSAGE_HISTORY") && !archived
            }
            "pin_messages" => self.holds("PIN_MESSAGES") && !archived && !locked,
            "manage_messages" => self.holds("MANAGE_MESSAGES") && !(archived && locked),
            "manage_threads" => moderator && !voice,
            other => panic!("what is {other}?"),
        }
    }

    /// The same as Discord's answers, and what is made of them.
    fn computed(&self) -> Vec<&'static str> {
        let now = datetime!(2026-11-06 12:00 UTC);
        let role = |id: u64, set: &Set| json!({"id": id.to_string(), "permissions": bits(set)});
        let mut roles = vec![role(GUILD, &self.everyone)];
        roles.extend(
            ROLES
                .iter()
                .zip(&self.roles)
                .map(|(&id, set)| role(id, set)),
        );
        let guild = json!({"id": "1", "owner_id": OWNER.to_string(), "roles": roles});
        let held: Vec<_> = self
            .held
            .iter()
            .map(|&role| ROLES[role].to_string())
            .collect();
        let until = self.timeout.map(|minutes| {
            let until = now + time::Duration::minutes(minutes);
            let form = time::format_description::well_known::Rfc3339;
            until.format(&form).unwrap()
        });
        let member = json!({"roles": held, "communication_disabled_until": until});
        let overwrites: Vec<Value> = self
            .overwrites
            .iter()
            .map(|one| {
                let kind = u8::from(one.id == BOT);
                json!({
                    "id": one.id.to_string(), "type": kind,
                    "allow": bits(&one.allow), "deny": bits(&one.deny),
                })
            })
            .collect();
        let mut channel = json!({"id": "7", "type": self.kind});
        let parent = json!({"id": "8", "type": 0, "permission_overwrites": overwrites});
        if self.is_thread() {
            channel["thread_metadata"] = json!({"archived": self.archived, "locked": self.locked});
            if self.joined {
                channel["member"] = json!({"user_id": "3", "flags": 0});
            }
        } else {
            channel["permission_overwrites"] = parent["permission_overwrites"].clone();
        }
        let guild: Guild = read(guild);
        let member: Member = read(member);
        let channel: Channel = read(channel);
        let parent: Channel = read(parent);
        let asker = Asker {
            guild: &guild,
            user: UserId(Snowflake::parse(&self.user().to_string()).unwrap()),
            member: &member,
        };
        let parent = Some(&parent).filter(|_| self.is_thread());
        let can = asker.can(&channel, parent, now);
        can.into_iter().map(|ability| ability.word()).collect()
    }
}

fn bits(set: &Set) -> String {
    let bits: u64 = set.iter().map(|&place| NAMES[place].1).sum();
    bits.to_string()
}

const WORDS: [&str; 14] = [
    "view",
    "read_history",
    "send",
    "send_in_threads",
    "create_posts",
    "create_threads",
    "create_private_threads",
    "attach_files",
    "embed_links",
    "mention_everyone",
    "add_reactions",
    "pin_messages",
    "manage_messages",
    "manage_threads",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_computed_is_what_the_rules_say(case in case()) {
        let expected: Vec<_> = WORDS.into_iter().filter(|word| case.expects(word)).collect();
        prop_assert_eq!(case.computed(), expected);
    }

    /// The order in which Discord lists roles and overwrites means nothing.
    #[test]
    fn no_order_matters(case in case(), turns in 0..7_usize) {
        let mut turned = case.clone();
        let length = turned.overwrites.len().max(1);
        turned.overwrites.rotate_left(turns % length);
        prop_assert_eq!(case.computed(), turned.computed());
    }
}
