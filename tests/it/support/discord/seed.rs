//! The world a stand-in starts with: its ids by name, its users, guilds and channels.
//! What people say in it is in `talk.rs`.
//!
//! The ids of messages carry their timestamps, as Discord's do: the conversation in [`GENERAL`] runs
//! from the 2nd to the 6th of November 2026. Bulk delete looks at ids against the real clock, so a
//! test that needs young messages posts its own (`World::post`).

use std::collections::{BTreeMap, HashMap};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use time::macros::datetime;

use super::{
    channel::{Channel, Permissions, object},
    talk,
    world::{Guild, World},
};

pub const GUILD: &str = "1234567890123456000";
pub const OTHER_GUILD: &str = "998877665544330000";
/// A mentionable role of [`GUILD`].
pub const ROLE_CREW: &str = "1234567890123456700";

pub const GENERAL: &str = "1234567890123456789";
pub const ANNOUNCEMENTS: &str = "1234567890123456801";
pub const VOICE: &str = "1234567890123456802";
pub const STAGE: &str = "1234567890123456803";
pub const CATEGORY: &str = "1234567890123456804";
pub const FORUM: &str = "1234567890123456805";
pub const MEDIA: &str = "1234567890123456806";
/// Age-restricted, so guild search leaves it out unless `include_nsfw` is set.
pub const NSFW: &str = "1234567890123456807";
/// The bot reads here and neither sends nor manages.
pub const QUIET: &str = "1234567890123456808";
/// The bot lacks VIEW_CHANNEL here.
pub const HIDDEN: &str = "1234567890123456809";
/// Of a type, 99, that nobody knows.
pub const WEIRD: &str = "1234567890123456810";
/// A direct message between the bot and Alice.
pub const DM: &str = "1234567890123456811";
/// A public thread; it has the id of the message in [`GENERAL`] that it was started from.
pub const THREAD: &str = "1567254767829385229";
/// Archived and locked.
pub const ARCHIVED_THREAD: &str = "1559234190770307074";
pub const PRIVATE_THREAD: &str = "1567629509866422274";
/// A post in [`FORUM`], as the next ones are; Alice began it.
pub const POST: &str = "1566391373723077561";
/// Its first message has been deleted.
pub const HEADLESS_POST: &str = "1566874580490912355";
pub const ARCHIVED_POST: &str = "1565096569470977201";
/// Archived before [`ARCHIVED_POST`] was.
pub const OLDEST_POST: &str = "1562155943985156112";
/// A post in [`MEDIA`].
pub const MEDIA_POST: &str = "1567942826891673605";
/// The one channel of [`OTHER_GUILD`].
pub const OTHER_CHANNEL: &str = "998877665544330001";

/// The bot of the tests, a member of [`GUILD`] only.
pub const BOT_USER: &str = "1180000000000000077";
/// A bot that is a member of [`OTHER_GUILD`] only.
pub const OTHER_BOT_USER: &str = "998877665544332211";
pub const ALICE: &str = "1110000000000000001";
pub const BOB: &str = "1110000000000000002";
pub const CARLA: &str = "1110000000000000003";
/// Not of the club: the author of [`TRICKY_MESSAGE`].
pub const VISITOR: &str = "1110000000000000004";

/// Shaped like a bot token: the bot's user id in base64url, six characters, thirty-eight characters.
pub const BOT_TOKEN: &str =
    "MTE4MDAwMDAwMDAwMDAwMDA3Nw.GFaKe0.this-is-not-a-real-token-0000000000000";
pub const OTHER_BOT_TOKEN: &str =
    "OTk4ODc3NjY1NTQ0MzMyMjEx.GFaKe1.neither-is-this-a-real-token-000000000";

// The messages of GENERAL that tests ask for by name.
pub const FIRST_MESSAGE: &str = "1566727092433977345";
/// Type 7, a member joined.
pub const SYSTEM_MESSAGE: &str = "1566728879874375683";
pub const ATTACHMENT_MESSAGE: &str = "1566875412766785541";
/// Where its picture is at the CDN.
pub const PICTURE_PATH: &str =
    "/attachments/1234567890123456789/1566875412766785000/buoy-3-wiring.png";
/// The picture, in base64: a PNG of 79 bytes, 16 by 9 pixels.
pub const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAJAQAAAAATUZGfAAAAFklEQVR42mP4/5+hsRGK9u5FsP//BwCbdguD4GeChQAAAABJRU5ErkJggg==";
/// Alice replies to [`ATTACHMENT_MESSAGE`].
pub const REPLY_MESSAGE: &str = "1566875801041895430";
pub const BOT_MESSAGE: &str = "1567082227454574600";
pub const REACTION_MESSAGE: &str = "1567084046796849161";
pub const PINNED_MESSAGE: &str = "1567153876551991306";
/// The message that [`THREAD`] was started from.
pub const THREAD_STARTER_MESSAGE: &str = THREAD;
pub const EMBED_MESSAGE: &str = "1567255637270855694";
/// Carla mentions Bob.
pub const MENTION_MESSAGE: &str = "1567433505921695760";
pub const LINK_MESSAGE: &str = "1567470115006578705";
/// Bidirectional controls, zero-width characters, and a sentence that tries to command an agent.
pub const TRICKY_MESSAGE: &str = "1567596269545848850";
/// Type 4, which nobody can delete.
pub const UNDELETABLE_MESSAGE: &str = "1567814684718006293";
pub const EDITED_MESSAGE: &str = "1567858882771025942";
pub const LAST_MESSAGE: &str = "1568168320031653914";
/// The one message of [`OTHER_CHANNEL`].
pub const OTHER_MESSAGE: &str = "1567920237423230979";
/// The one message of [`HIDDEN`].
pub const HIDDEN_MESSAGE: &str = "1567101028631969795";

/// The world as a stand-in starts with it.
/// The bytes of [`PICTURE`].
pub fn picture() -> Vec<u8> {
    BASE64_STANDARD
        .decode(PICTURE)
        .expect("it was encoded with care")
}

pub fn world() -> World {
    let mut world = World {
        guilds: guilds(),
        channels: BTreeMap::new(),
        users: users(),
        tokens: BTreeMap::from([
            (BOT_TOKEN.to_owned(), BOT_USER.to_owned()),
            (OTHER_BOT_TOKEN.to_owned(), OTHER_BOT_USER.to_owned()),
        ]),
        message_content_intent: true,
        deletions: Vec::new(),
        uploads: BTreeMap::new(),
        file_limit: 20 << 20,
        off_contract: false,
        index_pending: None,
        nonces: HashMap::new(),
    };
    guild_channels(&mut world);
    threads(&mut world);
    posts(&mut world);
    direct_message(&mut world);
    talk::fill(&mut world);
    world
}

fn guilds() -> BTreeMap<String, Guild> {
    let harbour = Guild {
        name: "Harbour Makers".to_owned(),
        bots: vec![BOT_USER.to_owned()],
        roles: vec![ROLE_CREW.to_owned()],
    };
    let other = Guild {
        name: "Somewhere Else".to_owned(),
        bots: vec![OTHER_BOT_USER.to_owned()],
        roles: Vec::new(),
    };
    BTreeMap::from([(GUILD.to_owned(), harbour), (OTHER_GUILD.to_owned(), other)])
}

fn users() -> BTreeMap<String, Value> {
    let people = [
        (ALICE, "alice.m", Some("Alice")),
        (BOB, "bob_solders", Some("Bob")),
        (CARLA, "carla", None),
        (VISITOR, "passer_by", Some("Passer-by")),
    ];
    let bots = [(BOT_USER, "harbour-bot"), (OTHER_BOT_USER, "other-bot")];
    let people = people.map(|(id, name, shown)| user(id, name, shown, "0"));
    let bots = bots.map(|(id, name)| bot(id, name));
    let everyone = people.into_iter().chain(bots);
    everyone
        .map(|user| (user["id"].as_str().unwrap_or_default().to_owned(), user))
        .collect()
}

/// A user object of a bot.
pub(super) fn bot(id: &str, name: &str) -> Value {
    let mut bot = user(id, name, None, "4242");
    bot["bot"] = true.into();
    bot
}

fn user(id: &str, name: &str, shown: Option<&str>, discriminator: &str) -> Value {
    json!({
        "id": id, "username": name, "global_name": shown, "discriminator": discriminator,
        "avatar": null, "public_flags": 0, "flags": 0, "banner": null, "accent_color": null,
        "avatar_decoration_data": null, "collectibles": null, "primary_guild": null,
    })
}

fn guild_channels(world: &mut World) {
    let text = |kind: u64, name: &str, position: u64, more: Value| {
        let mut channel = json!({
            "type": kind, "guild_id": GUILD, "name": name, "position": position,
            "parent_id": CATEGORY, "flags": 0, "permission_overwrites": [], "nsfw": false,
            "topic": null, "last_message_id": null, "rate_limit_per_user": 0,
        });
        if let Some(fields) = channel.as_object_mut() {
            fields.extend(object(more));
        }
        channel
    };
    let voice = json!({"bitrate": 64000, "user_limit": 0, "rtc_region": null});
    let topic = json!({"topic": "The harbour sensor build, and whatever floats beside it"});
    let slow = json!({"topic": "Read only", "rate_limit_per_user": 30});

    put(world, GENERAL, text(0, "general", 0, topic));
    put(world, ANNOUNCEMENTS, text(5, "announcements", 1, json!({})));
    put(world, VOICE, text(2, "quay", 2, voice.clone()));
    put(world, STAGE, text(13, "show-and-tell", 3, voice));
    put(
        world,
        CATEGORY,
        text(4, "The Shed", 4, json!({"parent_id": null})),
    );
    put(world, FORUM, text(15, "build-logs", 5, forum()));
    put(world, MEDIA, text(16, "photos", 6, forum()));
    put(
        world,
        NSFW,
        text(0, "gore-of-old-boards", 7, json!({"nsfw": true})),
    );
    put(world, QUIET, text(0, "rules", 8, slow)).permissions = Permissions {
        send: false,
        manage_messages: false,
        ..Permissions::default()
    };
    put(world, HIDDEN, text(0, "committee", 9, json!({}))).permissions = Permissions {
        view: false,
        read_history: false,
        send: false,
        manage_messages: false,
        ..Permissions::default()
    };
    put(
        world,
        WEIRD,
        text(99, "from-the-future", 10, json!({"hologram": {"depth": 3}})),
    );
    let elsewhere = json!({"guild_id": OTHER_GUILD, "parent_id": null});
    put(world, OTHER_CHANNEL, text(0, "lobby", 0, elsewhere));
}

/// What forums and media channels have over text channels.
fn forum() -> Value {
    json!({
        "topic": "One post for each build. Say what broke.",
        "available_tags": [
            tag("1234567890123456901", "sensor", false, Some("🌊")),
            tag("1234567890123456902", "solved", true, None),
        ],
        "default_reaction_emoji": {"emoji_id": null, "emoji_name": "👍"},
        "default_sort_order": 0, "default_forum_layout": 1,
        "default_auto_archive_duration": 4320, "default_thread_rate_limit_per_user": 5,
    })
}

fn tag(id: &str, name: &str, moderated: bool, emoji: Option<&str>) -> Value {
    json!({
        "id": id, "name": name, "moderated": moderated,
        "emoji_id": null, "emoji_name": emoji,
    })
}

fn threads(world: &mut World) {
    let thread = |kind: u64, name: &str, owner: &str, metadata: Value| {
        json!({
            "type": kind, "guild_id": GUILD, "name": name, "parent_id": GENERAL,
            "owner_id": owner, "flags": 0, "last_message_id": null, "rate_limit_per_user": 0,
            "message_count": 2, "member_count": 2, "total_message_sent": 2,
            "thread_metadata": metadata,
        })
    };
    let open = json!({
        "archived": false, "archive_timestamp": "2026-11-03T19:10:54.836000+00:00",
        "auto_archive_duration": 1440, "locked": false,
        "create_timestamp": "2026-11-03T19:10:54.836000+00:00",
    });
    let archived = json!({
        "archived": true, "archive_timestamp": "2026-10-13T16:04:09.800000+00:00",
        "auto_archive_duration": 1440, "locked": true,
        "create_timestamp": "2026-10-12T16:00:00.250000+00:00",
    });
    let private = json!({
        "archived": false, "archive_timestamp": "2026-11-04T20:00:00.300000+00:00",
        "auto_archive_duration": 10080, "locked": false, "invitable": false,
        "create_timestamp": "2026-11-04T20:00:00.300000+00:00",
    });
    put(world, THREAD, thread(11, "Enclosure ideas", ALICE, open));
    put(
        world,
        ARCHIVED_THREAD,
        thread(11, "Storm damage", BOB, archived),
    );
    put(world, PRIVATE_THREAD, thread(12, "Budget", CARLA, private));
}

fn posts(world: &mut World) {
    let archived = [
        (ARCHIVED_POST, datetime!(2026-11-01 20:15 UTC)),
        (OLDEST_POST, datetime!(2026-10-28 19:05:10 UTC)),
    ];
    for (forum, id, author, title) in [
        (FORUM, POST, ALICE, "Buoy 3 goes quiet at night"),
        (
            FORUM,
            HEADLESS_POST,
            BOB,
            "Potting compound that stays soft",
        ),
        (FORUM, OLDEST_POST, CARLA, "A mast from a fishing rod"),
        (FORUM, ARCHIVED_POST, ALICE, "Solar cell or bigger battery?"),
        (MEDIA, MEDIA_POST, BOB, "Launch day"),
    ] {
        let number = id.parse().expect("the ids above are numbers");
        world.add_post(forum, number, author, title);
    }
    for (id, at) in archived {
        world.archive(id, at);
    }
}

fn direct_message(world: &mut World) {
    let recipients = [world.users[ALICE].clone()];
    let channel = json!({"type": 1, "flags": 0, "last_message_id": null, "recipients": recipients});
    put(world, DM, channel).dm_of = Some(BOT_USER.to_owned());
}

fn put<'a>(world: &'a mut World, id: &str, mut channel: Value) -> &'a mut Channel {
    channel["id"] = id.into();
    let channel = Channel {
        json: object(channel),
        permissions: Permissions::default(),
        messages: BTreeMap::new(),
        dm_of: None,
    };
    world.channels.insert(id.to_owned(), channel);
    world.channel_mut(id)
}
