//! Where a call may go: the channels and servers that its token is limited to, and those that the
//! operator limits the whole server to. All of them must agree; a thread is also allowed where its
//! parent is, and nothing else follows from a parent. What a list settles costs no request, the rest
//! one look-up of the channel, which the next calls share.

use serde_json::{Value, json};

use crate::support::calls::{TOOLS, effective, look_ups};
use crate::support::discord::World;
use crate::support::discord::seed::{
    ANNOUNCEMENTS, CATEGORY, DM, FORUM, GENERAL, GUILD, OTHER_GUILD, PRIVATE_THREAD, QUIET, THREAD,
    VOICE, WEIRD,
};
use crate::support::mcp::error_text;
use crate::support::{App, Mcp, assert_failure, tokens};

pub const TOKEN_CHANNELS: &str = "This token is limited to other channels than this one";
pub const TOKEN_SERVERS: &str = "This token is limited to other servers than this one";
pub const OUR_CHANNELS: &str = "The operator limits calls to other channels than this one";
pub const OUR_SERVERS: &str = "The operator limits calls to other servers than this one";

/// A channel under limits, and what must come of a call there.
#[derive(Clone)]
struct Row {
    claims: Value,
    operator: Vec<(&'static str, String)>,
    channel: &'static str,
    world: fn(&mut World),
    /// The message of the refusal; none where the call is allowed.
    refusal: Option<&'static str>,
    look_ups: usize,
}

impl Row {
    fn into(channel: &'static str) -> Self {
        Self {
            claims: json!({}),
            operator: Vec::new(),
            channel,
            world: |_| {},
            refusal: None,
            look_ups: 0,
        }
    }

    /// Limits the token: `channels` or `guilds`.
    fn token(mut self, claim: &str, ids: &[&str]) -> Self {
        self.claims[claim] = json!(ids);
        self
    }

    /// Limits the server: `ALLOWED_CHANNELS` or `ALLOWED_GUILDS`.
    fn operator(mut self, variable: &'static str, ids: &[&str]) -> Self {
        self.operator.push((variable, ids.join(",")));
        self
    }

    fn world(mut self, change: fn(&mut World)) -> Self {
        self.world = change;
        self
    }

    fn costs(mut self, look_ups: usize) -> Self {
        self.look_ups = look_ups;
        self
    }

    fn refused(mut self, message: &'static str) -> Self {
        self.refusal = Some(message);
        self
    }

    async fn stage(&self) -> (App, String) {
        let operator = self.operator.iter();
        let operator: Vec<_> = operator.map(|(name, ids)| (*name, &**ids)).collect();
        let app = App::with(&operator).await;
        app.discord.with(self.world);
        (app, tokens::token_with(self.claims.clone()))
    }

    fn what(&self) -> String {
        let (claims, operator) = (&self.claims, &self.operator);
        format!("{claims} {operator:?} into {}", self.channel)
    }
}

/// A list of channels, of the token or the operator, and what it makes of a channel.
fn channel_rows() -> Vec<(&'static [&'static str], Row, bool)> {
    let to = Row::into;
    vec![
        (&[GENERAL], to(GENERAL), true),
        (&[QUIET, GENERAL, GENERAL], to(GENERAL), true),
        (&[DM], to(DM), true),
        (&[GENERAL], to(VOICE).costs(1), false),
        (&[GENERAL], to(DM).costs(1), false),
        // A thread is as its parent, whatever kind of either; or listed by itself.
        (&[GENERAL], to(THREAD).costs(1), true),
        (&[QUIET, GENERAL], to(PRIVATE_THREAD).costs(1), true),
        (&[THREAD], to(THREAD), true),
        (&[QUIET], to(THREAD).costs(1), false),
        (
            &[FORUM],
            to(THREAD).costs(1).world(|world| adopt(world, 11, FORUM)),
            true,
        ),
        (
            &[ANNOUNCEMENTS],
            to(THREAD)
                .costs(1)
                .world(|world| adopt(world, 10, ANNOUNCEMENTS)),
            true,
        ),
        // Nothing follows upwards, nor from a category, nor from the parent of a parent.
        (&[THREAD], to(GENERAL).costs(1), false),
        (&[CATEGORY], to(GENERAL).costs(1), false),
        (&[CATEGORY], to(VOICE).costs(1), false),
        (&[CATEGORY], to(WEIRD).costs(1), false),
        (&[CATEGORY], to(THREAD).costs(1), false),
        // What is no thread is not one because it has a parent: kinds that nobody knows yet.
        (
            &[GENERAL],
            to(THREAD).costs(1).world(|world| adopt(world, 99, GENERAL)),
            false,
        ),
        // Ids of other things are no channels.
        (&[GUILD], to(GENERAL).costs(1), false),
    ]
}

/// Makes the thread one of this kind, below this channel.
fn adopt(world: &mut World, kind: u64, parent: &str) {
    world.off_contract = true;
    let thread = &mut world.channel_mut(THREAD).json;
    thread.insert("type".into(), kind.into());
    thread.insert("parent_id".into(), parent.into());
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (list, row, allowed) in channel_rows() {
        let token = row.clone().token("channels", list);
        let operator = row.operator("ALLOWED_CHANNELS", list);
        let both = token.clone().operator("ALLOWED_CHANNELS", list);
        rows.extend(match allowed {
            true => [token, operator, both],
            false => [
                token.refused(TOKEN_CHANNELS),
                operator.refused(OUR_CHANNELS),
                both.refused(TOKEN_CHANNELS),
            ],
        });
    }
    for (list, channel, allowed) in [
        (&[OTHER_GUILD, GUILD][..], GENERAL, true),
        (&[GUILD], THREAD, true),
        (&[OTHER_GUILD], GENERAL, false),
        (&[OTHER_GUILD], THREAD, false),
        // A direct message is in no server.
        (&[GUILD], DM, false),
    ] {
        let row = Row::into(channel).costs(1);
        let token = row.clone().token("guilds", list);
        let operator = row.operator("ALLOWED_GUILDS", list);
        rows.extend(match allowed {
            true => [token, operator],
            false => [token.refused(TOKEN_SERVERS), operator.refused(OUR_SERVERS)],
        });
    }
    // Nothing can be in an empty list, so nothing is looked up.
    for channel in [GENERAL, THREAD, DM] {
        let row = Row::into(channel);
        let channels = row.clone().token("channels", &[]);
        rows.push(channels.refused(TOKEN_CHANNELS));
        rows.push(row.token("guilds", &[]).refused(TOKEN_SERVERS));
    }
    rows.extend(together());
    rows
}

/// Limits that meet: each can only narrow what the others leave.
fn together() -> [Row; 12] {
    let (to, ours, servers) = (Row::into, "ALLOWED_CHANNELS", "ALLOWED_GUILDS");
    let channels = |channel, list: &[&str]| to(channel).token("channels", list);
    [
        channels(GENERAL, &[GENERAL])
            .operator(ours, &[QUIET])
            .costs(1)
            .refused(OUR_CHANNELS),
        channels(GENERAL, &[QUIET])
            .operator(ours, &[GENERAL])
            .costs(1)
            .refused(TOKEN_CHANNELS),
        // One lists the thread, the other its parent.
        channels(THREAD, &[THREAD])
            .operator(ours, &[GENERAL])
            .costs(1),
        channels(THREAD, &[GENERAL])
            .operator(ours, &[THREAD])
            .costs(1),
        channels(GENERAL, &[GENERAL])
            .operator(ours, &[THREAD])
            .costs(1)
            .refused(OUR_CHANNELS),
        // All four, and still one look-up.
        channels(THREAD, &[GENERAL])
            .token("guilds", &[GUILD])
            .operator(ours, &[GENERAL])
            .operator(servers, &[GUILD])
            .costs(1),
        channels(GENERAL, &[GENERAL])
            .operator(servers, &[OTHER_GUILD])
            .costs(1)
            .refused(OUR_SERVERS),
        channels(DM, &[DM])
            .operator(servers, &[GUILD])
            .costs(1)
            .refused(OUR_SERVERS),
        channels(GENERAL, &[QUIET])
            .token("guilds", &[GUILD])
            .costs(1)
            .refused(TOKEN_CHANNELS),
        channels(THREAD, &[GENERAL])
            .token("guilds", &[OTHER_GUILD])
            .costs(1)
            .refused(TOKEN_SERVERS),
        to(GENERAL)
            .token("guilds", &[GUILD])
            .operator(servers, &[OTHER_GUILD])
            .costs(1)
            .refused(OUR_SERVERS),
        to(GENERAL)
            .token("guilds", &[OTHER_GUILD])
            .operator(servers, &[GUILD])
            .costs(1)
            .refused(TOKEN_SERVERS),
    ]
}

/// Calls the tool through this door; the message of the refusal, if it is one.
async fn reach(app: &App, mcp: bool, token: &str, tool: &str, params: Value) -> Option<String> {
    if !mcp {
        let answer = app.invoke_as(token, tool, params).await;
        if answer.status == 200 {
            return None;
        }
        let message = answer.message().to_owned();
        let error = json!({"code": "not_allowed", "message": message});
        assert_failure(&answer, 403, error);
        return Some(message);
    }
    let client = Mcp::modern(app).token(token);
    let answer = client.call(tool, params).await;
    if answer.result()["isError"] == false {
        return None;
    }
    let message = error_text(&answer).strip_prefix("not_allowed: ");
    let message = message.unwrap_or_else(|| panic!("{}", answer.text));
    Some(message.to_owned())
}

/// Every tool, through this door; each is the first in some row, which pays for the others.
async fn hold_through(mcp: bool) {
    for (number, row) in rows().into_iter().enumerate() {
        let (app, token) = row.stage().await;
        let mut paid = 0;
        for at in 0..TOOLS.len() {
            let (tool, _) = TOOLS[(number + at) % TOOLS.len()];
            let params = effective(&app.discord, tool, row.channel);
            app.discord.clear_requests();
            let refusal = reach(&app, mcp, &token, tool, params).await;
            assert_eq!(refusal.as_deref(), row.refusal, "{tool} {}", row.what());
            // This tool's own request is of that kind too.
            let own = usize::from(refusal.is_none() && tool == "get_channel_info");
            let looked = look_ups(&app.discord, row.channel);
            paid += looked - own;
            assert!(at == 0 || looked == own, "{tool} {}", row.what());
            // A refused call sends nothing else.
            let requests = app.discord.requests().len();
            assert_eq!(requests == looked, own == 1 || refusal.is_some());
            let line = app.audit().pop().unwrap();
            let status = refusal.map_or("ok", |_| "not_allowed");
            let got = (&line["stage"], &line["status"], &line["channel_id"]);
            let expected = (&json!("outcome"), &json!(status), &json!(row.channel));
            assert_eq!(got, expected, "{tool} {}", row.what());
        }
        assert_eq!(paid, row.look_ups, "{}", row.what());
    }
}

#[tokio::test]
async fn every_limit_holds_for_every_tool_over_rest() {
    hold_through(false).await;
}

#[tokio::test]
async fn every_limit_holds_for_every_tool_over_mcp() {
    hold_through(true).await;
}

/// Limits are the operator's choice, and an empty list is none.
#[tokio::test]
async fn without_limits_nothing_is_looked_up() {
    let unset = [("ALLOWED_CHANNELS", ""), ("ALLOWED_GUILDS", " ")];
    for variables in [&[][..], &unset] {
        for (tool, _) in TOOLS {
            let app = App::with(variables).await;
            for channel in [GENERAL, THREAD, DM] {
                let params = effective(&app.discord, tool, channel);
                app.discord.clear_requests();
                app.invoke(tool, params).await.result();
                let own = usize::from(tool == "get_channel_info");
                let looked = look_ups(&app.discord, channel);
                assert_eq!(looked, own, "{tool} {channel}");
            }
        }
    }
}
