//! Keys come and go while the server runs: SIGHUP has them read anew, effective at once. What cannot
//! be read does not count, and what can does.

use std::fs;

use rsa::RsaPrivateKey;
use serde_json::json;

use crate::support::key_files::{modes, sealed, signed, write_private, write_public};
use crate::support::provider::key;
use crate::support::served::{RELOADED, Server};
use crate::support::tokens;

#[tokio::test(flavor = "multi_thread")]
async fn hangup_takes_what_is_new_and_drops_what_is_gone_at_once() {
    let server = Server::start().await;
    let (signer, sealer) = (&key(0).private, &key(1).private);
    let (theirs, hidden) = (signed(signer), sealed(sealer));
    let public = server.keys.join("jwt.second.public.pem");
    let private = server.keys.join("seal.second.private.pem");
    write_public(&public, signer);
    write_private(&private, sealer);
    for round in 0..2 {
        for token in [&theirs, &hidden] {
            assert!(!server.is_let_in(token).await);
        }
        server.hang_up(RELOADED, 2 * round + 1).await;
        // Several times, for a server that remembers what it verified.
        for token in [&theirs, &theirs, &hidden, &hidden, &tokens::token()] {
            assert!(server.is_let_in(token).await);
        }
        let (kept, opened) = (fs::read(&public).unwrap(), fs::read(&private).unwrap());
        fs::remove_file(&public).unwrap();
        fs::remove_file(&private).unwrap();
        assert!(
            server.is_let_in(&theirs).await,
            "nobody has asked for that yet"
        );
        server.hang_up(RELOADED, 2 * round + 2).await;
        for token in [&theirs, &hidden] {
            assert!(!server.is_let_in(token).await);
        }
        assert!(server.is_let_in(&tokens::token()).await);
        fs::write(&public, kept).unwrap();
        fs::write(&private, opened).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_the_server_started_with_can_go_too() {
    let server = Server::start().await;
    let mine = &key(0).private;
    fs::remove_file(server.keys.join(tokens::PRIVATE)).unwrap();
    write_public(&server.keys.join(tokens::PUBLIC), mine);
    server.hang_up(RELOADED, 1).await;
    assert!(!server.is_let_in(&tokens::token()).await);
    assert!(server.is_let_in(&signed(mine)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_keys_are_gone_nobody_is_let_in_and_the_server_says_that_it_is_not_ready() {
    let server = Server::start().await;
    let ready = async || server.get("/readyz", None).await;
    assert_eq!(ready().await.status, 200);
    for name in modes(&server.keys).into_keys() {
        fs::remove_file(server.keys.join(name)).unwrap();
    }
    server.hang_up(RELOADED, 1).await;
    assert!(!server.is_let_in(&tokens::token()).await);
    let unready = ready().await;
    let expected = json!({"status": "unavailable", "failing": ["keys"]});
    assert_eq!((unready.status, unready.body), (503, expected));
    // A reload makes no keys: they would be for nobody, and hide what is missing.
    assert!(modes(&server.keys).is_empty());
    tokens::install_keys(&server.keys);
    server.hang_up(RELOADED, 2).await;
    assert!(server.is_let_in(&tokens::token()).await);
    assert_eq!(ready().await.status, 200);
}

/// A key that cannot be read neither keeps others from being used nor those that are gone in use.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_used_is_left_out_and_told_of() {
    let server = Server::start().await;
    let extra = server.keys.join("jwt.extra.public.pem");
    let (good, small) = (
        &key(0).private,
        RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap(),
    );
    let current = server.keys.join(tokens::PUBLIC);
    let ours = fs::read(&current).unwrap();
    let away = server.keys.with_file_name("away");
    type Step<'a> = (&'a str, [bool; 2], &'a dyn Fn(), &'a dyn Fn());
    let unextra = || fs::remove_file(&extra).unwrap();
    let restore = || fs::write(&current, &ours).unwrap();
    // Whether our token is let in afterwards, and whether one of the good key is.
    let steps: [Step<'_>; 7] = [
        (
            "no key",
            [true, false],
            &|| fs::write(&extra, "garbage").unwrap(),
            &unextra,
        ),
        (
            "a small key",
            [true, false],
            &|| write_public(&extra, &small),
            &unextra,
        ),
        (
            "a folder in the place of a key",
            [true, false],
            &|| fs::create_dir(&extra).unwrap(),
            &|| fs::remove_dir(&extra).unwrap(),
        ),
        (
            "the public half is gone",
            [false, false],
            &|| fs::remove_file(&current).unwrap(),
            &restore,
        ),
        (
            "halves of two pairs",
            [false, true],
            &|| write_public(&current, good),
            &restore,
        ),
        (
            "ours is gone, beside no key",
            [false, false],
            &|| {
                fs::remove_file(&current).unwrap();
                fs::write(&extra, "garbage").unwrap();
            },
            &|| {
                restore();
                unextra();
            },
        ),
        (
            "no folder",
            [false, false],
            &|| fs::rename(&server.keys, &away).unwrap(),
            &|| fs::rename(&away, &server.keys).unwrap(),
        ),
    ];
    for (at, (what, [mine, theirs], spoil, mend)) in steps.into_iter().enumerate() {
        // Remembered, so that what was verified before the change does not count after it either.
        assert!(server.is_let_in(&tokens::token()).await, "{what}");
        spoil();
        server.hang_up(RELOADED, 2 * at + 1).await;
        let output = server.process.output();
        let told = output
            .lines()
            .filter(|line| line.contains("a key is left out"));
        assert!(
            told.clone().count() > at && told.clone().all(|line| line.contains("error=keys")),
            "{what}: {output}"
        );
        assert_eq!(server.is_let_in(&tokens::token()).await, mine, "{what}");
        assert_eq!(server.is_let_in(&signed(good)).await, theirs, "{what}");
        let ready = server.get("/readyz", None).await;
        let any = mine || theirs;
        assert_eq!(ready.status, if any { 200 } else { 503 }, "{what}");
        assert_eq!(server.keys.exists(), what != "no folder");
        mend();
        server.hang_up(RELOADED, 2 * at + 2).await;
    }
    write_public(&extra, good);
    server.hang_up(RELOADED, 15).await;
    assert!(server.is_let_in(&signed(good)).await);
    assert!(server.is_let_in(&tokens::token()).await);
}
