//! The dashboard and the alerts ask for metrics that the server has, with labels and values that it
//! gives them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::deploy::{deploy, json};
use crate::support::metrics::{Kind, METRICS, Metric, REJECTIONS};
use crate::support::served::Server;
use crate::support::tokens;

/// What Prometheus adds to what it scrapes, and to its alerts.
const ADDED: [&str; 4] = ["job", "instance", "alertname", "alertstate"];

/// One metric as an expression asks for it: `calls_total{tool="other"}`.
struct Use<'a> {
    name: &'a str,
    metric: &'static Metric,
    /// Each label with the values that it is compared with.
    labels: Vec<(&'a str, Vec<&'a str>)>,
}

/// All metrics in a text of PromQL, each of which the server must have.
fn uses(text: &str) -> Vec<Use<'_>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("discord_mcp_") {
        let rest = &text[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let metric = Metric::of(name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is no metric of the server"));
        let matchers = rest.strip_prefix('{').map(|rest| rest.split_once('}'));
        let matchers = matchers.map_or("", |rest| rest.unwrap().0);
        found.push(Use {
            name,
            metric,
            labels: labels(matchers),
        });
    }
    found
}

/// `tool="a", status=~"b|c"`.
fn labels(matchers: &str) -> Vec<(&str, Vec<&str>)> {
    // No value that the files compare with has a comma in it.
    let matchers = matchers.split(',').filter(|matcher| !matcher.is_empty());
    matchers
        .map(|matcher| {
            let (label, value) = matcher.split_once('"').unwrap();
            let label = label.trim().trim_end_matches(['=', '!', '~']);
            let value = value.trim_end_matches('"');
            (label, value.split('|').collect())
        })
        .collect()
}

/// The labels that `by (…)` keeps.
fn kept(text: &str) -> BTreeSet<&str> {
    let lists = text.split("by (").skip(1);
    let lists = lists.map(|rest| rest.split_once(')').unwrap().0);
    lists.flat_map(|list| list.split(", ")).collect()
}

/// Holds labels and values to those that the server gives the metric.
fn hold(used: &Use<'_>) {
    for (label, values) in &used.labels {
        if ADDED.contains(label) {
            continue;
        }
        let known = used.metric.label(label);
        let known = known.unwrap_or_else(|| panic!("{} has no {label}", used.name));
        for value in values {
            assert!(known.has(value), "{}{{{label}={value}}}", used.name);
        }
    }
}

/// Holds one expression to what the server has; the names that it asks for.
fn check(text: &str) -> BTreeSet<&'static str> {
    let uses = uses(text);
    assert!(!uses.is_empty(), "no metric in {text}");
    for used in &uses {
        hold(used);
        // Quantiles are of buckets, and only what counts up has a rate.
        let before = text.split(used.name).next().unwrap();
        let is_rated = before.ends_with("rate(") || before.ends_with("increase(");
        if uses.len() == 1 {
            assert_eq!(is_rated, used.metric.kind != Kind::Gauge, "{text}");
        }
    }
    for label in kept(text) {
        let of_all = |used: &Use<'_>| used.metric.label(label).is_some();
        assert!(
            ADDED.contains(&label) || uses.iter().all(of_all),
            "{label} in {text}"
        );
    }
    uses.iter().map(|used| used.metric.name).collect()
}

/// The quoted names in a file of the source that begin like this and go on in small letters.
fn quoted<'a>(source: &'a str, before: &str) -> BTreeSet<&'a str> {
    let found = source.split(before).skip(1);
    let found = found.map(|rest| rest.split_once('"').unwrap().0);
    let is_name = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    found.filter(is_name).collect()
}

#[tokio::test]
async fn the_list_of_metrics_is_what_the_server_counts() {
    let source = |file: &str| std::fs::read_to_string(file).unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let names = source(&format!("{root}/metrics.rs"));
    let listed: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(quoted(&names, ": &str = \""), listed);
    let reasons = source(&format!("{root}/auth/rejection.rs"));
    assert_eq!(quoted(&reasons, " => \""), BTreeSet::from(REJECTIONS));

    let server = Server::start().await;
    assert!(server.is_let_in(&tokens::token()).await);
    assert!(!server.is_let_in("a.b.c").await);
    let shown = server.get("/metrics", None).await.text;
    // Routes have braces in them.
    let samples: Vec<_> = shown
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let samples = samples.join("\n").replace("{id}", "id");
    let mut met = BTreeSet::new();
    for used in uses(&samples) {
        hold(&used);
        assert_eq!(
            used.labels
                .iter()
                .filter(|(label, _)| *label != "le")
                .count(),
            used.metric.labels.len(),
            "{}",
            used.name
        );
        met.insert(used.metric.name);
    }
    // No limit was met.
    let unmet: Vec<_> = listed.difference(&met).collect();
    assert_eq!(unmet, [&"discord_mcp_discord_rate_limited_total"]);
}

fn panels() -> Vec<Value> {
    let panels = json("grafana.json")["panels"].as_array().unwrap().clone();
    assert!(panels.len() > 20);
    panels
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let mut shown = BTreeSet::new();
    for panel in panels() {
        for target in panel["targets"].as_array().unwrap_or(&Vec::new()) {
            let (text, legend) = (target["expr"].as_str(), target["legendFormat"].as_str());
            let (text, legend) = (text.unwrap(), legend.unwrap());
            shown.extend(check(text));
            for used in uses(text) {
                let selected = [("job", vec!["$job"]), ("instance", vec!["$instance"])];
                assert_eq!(used.labels[..2], selected, "{text}");
            }
            for label in legend.split("{{").skip(1) {
                let label = label.split_once("}}").unwrap().0;
                assert!(kept(text).contains(label), "{legend} of {text}");
            }
        }
    }
    let all: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(shown, all);
}

#[test]
fn the_dashboard_takes_whatever_data_source_it_is_given() {
    let dashboard = json("grafana.json");
    let source = serde_json::json!({"type": "prometheus", "uid": "${datasource}"});
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["datasource", "job", "instance"]);
    assert_eq!(variables[0]["type"], "datasource");
    for variable in &variables[1..] {
        assert_eq!(variable["datasource"], source);
        check_names(variable["definition"].as_str().unwrap());
    }
    for panel in panels().iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"], source, "{}", panel["title"]);
    }
}

/// As [`check`], for `label_values(metric, label)`.
fn check_names(text: &str) {
    let found = uses(text);
    assert_eq!(found.len(), 1, "{text}");
    assert_eq!(found[0].name, "discord_mcp_build_info");
}

#[test]
fn no_panel_of_the_dashboard_lies_on_another() {
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["id"]);
        let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        for x in at("x")..at("x") + at("w") {
            assert!(x < 24, "{}", panel["title"]);
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{}", panel["title"]);
            }
        }
    }
}

#[test]
fn alerts_ask_for_metrics_that_there_are_and_each_is_tested() {
    let (rules, tests) = (deploy("alerts.yml"), deploy("alerts.test.yml"));
    let rules: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(rules.len() > 8);
    for rule in rules {
        let (name, rule) = rule.split_once('\n').unwrap();
        let (expression, said) = rule.split_once("labels:").unwrap();
        if !expression.contains("up{job=") {
            check(expression);
        }
        for label in said.split("$labels.").skip(1) {
            let label = label.split(' ').next().unwrap();
            let is_there = kept(expression).contains(label)
                || (!expression.contains("by (") && has(expression, label));
            assert!(is_there, "{label} of {name}");
        }
        // Once where it is raised; `DiscordMcpDown` where nothing is scraped, too.
        assert!(
            tests.contains(&format!("{{alertname=\"{name}\"}}")),
            "{name}"
        );
    }
    for used in uses(&tests) {
        hold(&used);
    }
}

/// Whether what an expression without `by` selects has this label.
fn has(expression: &str, label: &str) -> bool {
    let of_metric = |used: Use<'_>| used.metric.label(label).is_some();
    label == "instance" || uses(expression).into_iter().all(of_metric)
}
