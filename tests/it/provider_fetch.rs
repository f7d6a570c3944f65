//! When the provider's keys are fetched: at start, for a `kid` that is not among them, when they
//! have grown old, and never more often than the cooldown allows. Who knows the key never waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::support::provider::{Provider, Reply, claims, is_let_in, key, until_let_in};
use crate::support::{App, tokens, until};

/// No fetch but the one at start.
const NEVER: [(&str, &str); 2] = [("JWT_JWKS_COOLDOWN", "1h"), ("JWT_JWKS_MAX_AGE", "1h")];
/// A fetch whenever there is a reason for one.
const ALWAYS: (&str, &str) = ("JWT_JWKS_COOLDOWN", "1ms");

/// Calls with this token for this long; how many calls were let in.
async fn hammer(app: &App, token: &str, time: Duration) -> usize {
    let (began, mut let_in) = (Instant::now(), 0);
    while began.elapsed() < time {
        let answers = join_all((0..4).map(|_| is_let_in(app, token))).await;
        let_in += answers.into_iter().filter(|let_in| *let_in).count();
    }
    let_in
}

#[tokio::test]
async fn known_keys_are_used_without_asking_again() {
    let provider = Provider::start().await;
    let app = provider.app(&[ALWAYS]).await;
    let token = key(0).token();
    for _ in 0..20 {
        assert!(is_let_in(&app, &token).await);
    }
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn an_unknown_kid_waits_for_the_end_of_the_cooldown_which_the_start_began() {
    let provider = Provider::start().await;
    let app = provider.app(&NEVER).await;
    provider.publish([key(0).jwk(), key(1).jwk()]);
    let token = key(1).token();
    for _ in 0..20 {
        assert!(!is_let_in(&app, &token).await);
    }
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_found_by_its_first_token_after_the_cooldown() {
    let provider = Provider::start().await;
    let app = provider.app(&[("JWT_JWKS_COOLDOWN", "200ms")]).await;
    provider.publish([key(0).jwk(), key(1).jwk()]);
    until_let_in(&app, &key(1).token(), true).await;
    assert_eq!(provider.fetches(), 2);
    assert!(is_let_in(&app, &key(0).token()).await);
    assert_eq!(provider.fetches(), 2);
}

/// Whoever makes up key ids does not make us ask more often, whether the provider answers or not.
#[tokio::test]
async fn unknown_kids_bring_one_fetch_in_a_cooldown() {
    let cooldown = Duration::from_millis(200);
    let good = Reply::set([key(0).jwk()]);
    let bad = good.clone().status(500);
    let runs = [good, bad].map(async |reply| {
        let provider = Provider::start().await;
        let app = provider.app(&[("JWT_JWKS_COOLDOWN", "200ms")]).await;
        provider.reply(reply);
        let began = Instant::now();
        let mut calls = 0;
        while provider.fetches() < 4 {
            let made_up = key(0).sign(&format!("made-up-{calls}"), &claims());
            assert!(!is_let_in(&app, &made_up).await);
            calls += 1;
            assert!(began.elapsed() < Duration::from_secs(10), "no fetches");
        }
        // The three fetches since the start lie at least two cooldowns apart.
        assert!(began.elapsed() >= 2 * cooldown, "{:?}", began.elapsed());
        assert!(calls > 3, "{calls} calls were too few to show anything");
    });
    join_all(runs).await;
}

/// Nor whoever hangs up before the provider has answered.
#[tokio::test]
async fn callers_that_hang_up_do_not_undo_the_cooldown() {
    let provider = Provider::start().await;
    let app = provider.app(&[("JWT_JWKS_COOLDOWN", "500ms")]).await;
    provider.hold();
    tokio::time::sleep(Duration::from_millis(510)).await;
    for at in 0..8 {
        let made_up = key(0).sign(&format!("made-up-{at}"), &claims());
        let call = is_let_in(&app, &made_up);
        let answered = tokio::time::timeout(Duration::from_millis(40), call).await;
        assert_ne!(answered, Ok(true));
    }
    // Eight times 40 ms are less than a cooldown.
    assert_eq!(provider.fetches(), 2);
    provider.release();
    assert!(is_let_in(&app, &key(0).token()).await);
    provider.publish([key(1).jwk()]);
    until_let_in(&app, &key(1).token(), true).await;
}

#[tokio::test]
async fn only_a_token_of_the_provider_makes_us_ask_the_provider() {
    let provider = Provider::start().await;
    let app = provider.app(&[ALWAYS]).await;
    let kid = "made-up";
    let under = |header| key(0).sign_under(&header, &claims());
    for stranger in [
        key(0).sign(kid, &tokens::claims()),
        key(0).sign(kid, &tokens::claims_with(serde_json::json!({"iss": "x"}))),
        under(serde_json::json!({"alg": "none", "kid": kid})),
        under(serde_json::json!({"alg": "RS512", "kid": kid})),
        under(serde_json::json!({"alg": "RS256", "kid": kid, "crit": ["exp"]})),
        under(serde_json::json!({"alg": "RS256"})),
        "not.a.token".to_owned(),
    ] {
        tokio::time::sleep(Duration::from_millis(3)).await;
        assert!(!is_let_in(&app, &stranger).await);
    }
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_calls_with_one_new_key_bring_one_fetch_and_are_all_let_in() {
    let provider = Provider::start().await;
    let app = Arc::new(provider.app(&[("JWT_JWKS_COOLDOWN", "100ms")]).await);
    provider.publish([key(1).jwk()]);
    provider.hold();
    tokio::time::sleep(Duration::from_millis(150)).await;
    let token = key(1).token();
    let calls = (0..50).map(|_| {
        let (app, token) = (Arc::clone(&app), token.clone());
        tokio::spawn(async move { is_let_in(&app, &token).await })
    });
    let calls: Vec<_> = calls.collect();
    until("the provider is asked", || provider.fetches() == 2).await;
    // Whoever was to be late has been: those that wait have waited for several cooldowns.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(calls.iter().all(|call| !call.is_finished()));
    provider.release();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_with_a_known_key_waits_for_the_fetch_of_an_unknown_one() {
    let provider = Provider::start().await;
    let app = Arc::new(provider.app(&[ALWAYS]).await);
    tokio::time::sleep(Duration::from_millis(5)).await;
    provider.hold();
    let waiting = tokio::spawn({
        let app = Arc::clone(&app);
        async move { is_let_in(&app, &key(1).token()).await }
    });
    until("the provider is asked", || provider.fetches() == 2).await;
    for token in [key(0).token(), tokens::token()] {
        assert!(is_let_in(&app, &token).await);
    }
    assert!(!waiting.is_finished());
    provider.release();
    assert!(!waiting.await.unwrap());
}

#[tokio::test]
async fn a_key_that_a_good_answer_lacks_is_refused_from_then_on() {
    let provider = Provider::start().await;
    let app = provider.app(&[ALWAYS]).await;
    assert!(is_let_in(&app, &key(0).token()).await);
    provider.publish([key(1).jwk()]);
    // As long as nobody has a reason to ask, we cannot know.
    assert!(is_let_in(&app, &key(0).token()).await);
    until_let_in(&app, &key(1).token(), true).await;
    assert!(!is_let_in(&app, &key(0).token()).await);
    // It may come back.
    provider.publish([key(0).jwk()]);
    until_let_in(&app, &key(0).token(), true).await;
    assert!(!is_let_in(&app, &key(1).token()).await);
}

#[tokio::test]
async fn an_old_set_is_fetched_anew_so_that_a_removed_key_ends_by_itself() {
    let provider = Provider::start().await;
    let app = provider.app(&[ALWAYS, ("JWT_JWKS_MAX_AGE", "100ms")]).await;
    provider.publish([key(1).jwk()]);
    until_let_in(&app, &key(0).token(), false).await;
    assert!(is_let_in(&app, &key(1).token()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_old_set_one_call_waits_for_the_new_and_the_others_go_on() {
    let provider = Provider::start().await;
    let variables = [ALWAYS, ("JWT_JWKS_MAX_AGE", "100ms")];
    let app = Arc::new(provider.app(&variables).await);
    provider.hold();
    tokio::time::sleep(Duration::from_millis(120)).await;
    let waiting = tokio::spawn({
        let app = Arc::clone(&app);
        async move { is_let_in(&app, &key(0).token()).await }
    });
    until("the provider is asked", || provider.fetches() == 2).await;
    let token = key(0).token();
    for _ in 0..20 {
        assert!(is_let_in(&app, &token).await);
    }
    assert!(!waiting.is_finished());
    assert_eq!(provider.fetches(), 2);
    provider.publish([key(1).jwk()]);
    provider.release();
    assert!(
        !waiting.await.unwrap(),
        "the call whose turn it was read the old set"
    );
}

#[tokio::test]
async fn an_old_set_counts_on_while_the_provider_fails_and_the_cooldown_holds_then_too() {
    let provider = Provider::start().await;
    let variables = [("JWT_JWKS_COOLDOWN", "200ms"), ("JWT_JWKS_MAX_AGE", "1ms")];
    let app = provider.app(&variables).await;
    provider.reply(Reply::text("").status(503));
    let began = Instant::now();
    let let_in = hammer(&app, &key(0).token(), Duration::from_millis(700)).await;
    let most = 2 + began.elapsed().as_millis() / 200;
    assert!(let_in > 10, "{let_in}");
    let fetches = provider.fetches();
    assert!(
        (3..=usize::try_from(most).unwrap()).contains(&fetches),
        "{fetches}"
    );
}
