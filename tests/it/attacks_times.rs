//! Attacks by the times in a token that our key has signed: past, ahead, too long, just out of time,
//! extreme numbers and other types.

use serde_json::json;

use crate::attacks::{Attack, Means, Now, bearer};
use crate::attacks_claims::raw;
use crate::support::tokens;

const DAY: u64 = 86_400;

pub fn attacks() -> Vec<Attack> {
    let mut attacks = times();
    attacks.extend(now());
    attacks.extend(numbers());
    attacks
}

/// Out of time for good.
fn times() -> Vec<Attack> {
    let now = tokens::now();
    let attacks = [
        // The clocks may be 5 seconds apart.
        (
            "expired 6 seconds ago",
            json!({"iat": now - 60, "exp": now - 6}),
        ),
        (
            "expired 10 seconds ago",
            json!({"iat": now - 60, "exp": now - 10}),
        ),
        (
            "expired a day ago",
            json!({"iat": now - 2 * DAY, "exp": now - DAY}),
        ),
        ("expired in 1970", json!({"exp": 0})),
        (
            "issued in an hour",
            json!({"iat": now + 3600, "exp": now + 7200}),
        ),
        ("issued in a minute", json!({"iat": now + 60})),
        (
            "issued after it expires",
            json!({"iat": now + 4, "exp": now + 3}),
        ),
        (
            "issued in milliseconds",
            json!({"iat": now * 1000, "exp": now * 1000 + 3600}),
        ),
        ("issued in 1970", json!({"iat": 0})),
        ("issued 40 days ago", json!({"iat": now - 40 * DAY})),
        ("good from the next minute on", json!({"nbf": now + 60})),
        (
            "good from the next year on",
            json!({"nbf": now + 365 * DAY}),
        ),
        (
            "a second over the longest life",
            json!({"iat": now, "exp": now + 30 * DAY + 1}),
        ),
        (
            "a second over the longest life, begun",
            json!({"iat": now - DAY, "exp": now + 29 * DAY + 1}),
        ),
        ("a year", json!({"iat": now, "exp": now + 365 * DAY})),
        ("for ever", json!({"exp": u64::MAX})),
    ];
    attacks
        .map(|(what, changes)| bearer(format!("times: {what}"), tokens::token_with(changes)))
        .into()
}

/// Out of time by one second, which is over soon.
fn now() -> Vec<Attack> {
    let attacks: [(&str, Now); 3] = [
        ("issued in 6 seconds", |now| json!({"iat": now + 6})),
        ("good in 6 seconds", |now| json!({"nbf": now + 6})),
        (
            "issued and good in 6 seconds",
            |now| json!({"iat": now + 6, "nbf": now + 6}),
        ),
    ];
    attacks
        .map(|(what, changes)| Attack {
            name: format!("times: {what}"),
            means: Means::Now(changes),
        })
        .into()
}

/// Extreme numbers and other types, as they are written.
fn numbers() -> Vec<Attack> {
    let soon = tokens::now() + 600;
    let texts = [
        "-1",
        "-0.0001",
        "-9223372036854775808",
        "-1e400",
        "1e400",
        "1e308",
        "1e-400",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
        "18446744073709551615",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        "NaN",
        "Infinity",
        "0x7fffffff",
        "017777777777",
        "+4102444800",
        "1_000_000",
        "4102444800.",
        ".5",
        "true",
        "\"\"",
        "\"tomorrow\"",
        "\"4102444800\"",
        "\"2100-01-01T00:00:00Z\"",
        "[4102444800]",
        "{\"seconds\":4102444800}",
        "[]",
        "{}",
    ];
    let mut attacks = Vec::new();
    for name in ["exp", "iat", "nbf"] {
        for text in texts {
            // Long ago is no reason to wait: such an `nbf` is good.
            if (name, text) != ("nbf", "1e-400") {
                attacks.push(bearer(format!("{name} is {text}"), raw(name, text)));
            }
        }
    }
    attacks.extend([
        bearer("exp with half a second", raw("exp", &format!("{soon}.5"))),
        bearer("exp as a float", raw("exp", &format!("{soon}.0"))),
        bearer("exp with an exponent", raw("exp", &format!("{soon}0e-1"))),
        bearer(
            "iat with half a second",
            raw("iat", &format!("{}.5", soon - 1200)),
        ),
        bearer("iat minus zero", raw("iat", "-0")),
        bearer(
            "nbf ahead with half a second",
            raw("nbf", &format!("{soon}.5")),
        ),
        bearer("nbf null", raw("nbf", "null")),
    ]);
    attacks
}
