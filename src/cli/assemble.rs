//! The parts, put together as the configuration says.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::NO_TLS;
use crate::audit::{Audit, Content, ContentPolicy};
use crate::auth::{Keys, Provider, Revocations, Rules, Verifier, secret_file};
use crate::config::{Config, MetricsAddr};
use crate::discord::{Cdn, Connector};
use crate::dispatch::Dispatcher;
use crate::http::{
    App, Bodies, CallerLimits, Metadata, MetricsAt, Names, Refusals, TrustedProxies,
};
use crate::mcp::Door;
use crate::metrics::Metrics;

/// Puts the parts together as `config` says.
///
/// # Errors
/// One line that says which part cannot be used.
pub fn assemble(
    config: &Config,
    keys: &Arc<Keys>,
    metrics: Option<Metrics>,
) -> Result<Arc<App>, String> {
    let dispatcher = dispatcher(config)?;
    Ok(Arc::new(App {
        verifier: verifier(config, keys)?,
        door: Door::new(Arc::clone(&dispatcher), config.confirm_deletions),
        dispatcher,
        names: Names::new(
            config.bind_addr,
            &config.allowed_hosts,
            &config.allowed_origins,
        ),
        callers: CallerLimits::new(config.rate_limit_per_minute, config.rate_limit_burst),
        refusals: Refusals::default(),
        proxies: TrustedProxies::new(config.trusted_proxies.clone()),
        metrics: metrics.map(|metrics| (metrics, metrics_at(config))),
        metadata: config.provider.as_ref().map(|provider| Metadata {
            issuer: provider.issuer.clone(),
            public_url: public_url(config),
        }),
        bodies: Bodies::new(config.attachment_limit),
        draining: AtomicBool::new(false),
    }))
}

/// What runs calls, behind whichever door.
pub(super) fn dispatcher(config: &Config) -> Result<Arc<Dispatcher>, String> {
    let secret = match config.audit_content {
        ContentPolicy::Digest => {
            let path = config.keys_dir.join("audit-digest.key");
            Some(secret_file(&path).map_err(|error| error.to_string())?)
        }
        ContentPolicy::Full | ContentPolicy::None => None,
    };
    let content = Content::new(config.audit_content, secret.as_deref());
    let audit = Audit::open(&config.audit_log, config.audit_sync, content).map_err(|error| {
        format!(
            "AUDIT_LOG={:?} cannot be used: {error}",
            config.audit_log.display()
        )
    })?;
    let connector = Cdn::new(&config.discord_cdn_base)
        .and_then(|cdn| Connector::new(&config.discord_api_base, cdn))
        .ok_or_else(|| NO_TLS.to_owned())?;
    Ok(Arc::new(Dispatcher::new(
        connector,
        audit,
        config.call_deadline,
        config.max_calls,
        config.attachment_limit,
    )))
}

/// What verifies bearers.
pub(super) fn verifier(config: &Config, keys: &Arc<Keys>) -> Result<Verifier, String> {
    let provider = config.provider.clone().map(Provider::new).transpose();
    let rules = Rules {
        issuer: config.jwt_issuer.clone(),
        audience: config.jwt_audience.clone(),
        max_lifetime: config.jwt_max_lifetime,
        require_sealed: config.require_sealed_tokens,
        operator: config.operator.clone(),
        revocations: Revocations::open(&config.revoked_tokens)?,
        provider: provider.map_err(|_| NO_TLS.to_owned())?,
    };
    Ok(Verifier::new(Arc::clone(keys), rules))
}

/// The origin under which clients reach this server, without a slash at its end.
fn public_url(config: &Config) -> String {
    let local = || {
        let bind = config.bind_addr;
        if bind.ip().is_loopback() {
            format!("{}://localhost:{}", scheme(config), bind.port())
        } else {
            format!("{}://{bind}", scheme(config))
        }
    };
    config.public_url.clone().unwrap_or_else(local)
}

/// What clients write before the server's address.
pub(super) fn scheme(config: &Config) -> &'static str {
    if config.tls.is_some() {
        "https"
    } else {
        "http"
    }
}

/// Who may read metrics at the server's own address.
pub(super) fn metrics_at(config: &Config) -> MetricsAt {
    match config.metrics {
        MetricsAddr::Default if config.bind_addr.ip().is_loopback() => MetricsAt::Loopback,
        MetricsAddr::At(address) if address == config.bind_addr => MetricsAt::Here,
        MetricsAddr::Default | MetricsAddr::Off | MetricsAddr::At(_) => MetricsAt::Elsewhere,
    }
}

/// Loads the keys, or makes them.
pub(super) fn keys(config: &Config) -> Result<Keys, String> {
    let keys = Keys::load_or_create(&config.keys_dir);
    keys.map_err(|error| format!("KEYS_DIR cannot be used: {error}"))
}

/// The same, for a server, which must be able to open what it insists on.
pub(super) fn keys_of_server(config: &Config) -> Result<Arc<Keys>, String> {
    let keys = keys(config)?;
    if config.require_sealed_tokens && !keys.can_open() {
        return Err(format!(
            "REQUIRE_SEALED_TOKENS=true cannot be kept: there is no seal.private.pem in {}",
            config.keys_dir.display()
        ));
    }
    Ok(Arc::new(keys))
}
