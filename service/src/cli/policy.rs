//! `lamassu policy`

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use policies::{Ask, Content, Pipeline, Policy};

use super::{Outcome, fit};
use crate::config::Config;
use crate::wiring;

/// What to do with a policy.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Read a policy and say what is wrong or doubtful about it
    Check {
        /// The policy file; the default policy unless given
        file: Option<PathBuf>,
    },
    /// Judge the policy's own cases
    Test {
        /// The policy file; the default policy unless given
        file: Option<PathBuf>,
    },
    /// Print what a policy judges, by which stages
    Show {
        /// The policy file; the default policy unless given
        file: Option<PathBuf>,
    },
    /// Put its score lines where labelled texts want them, for a stated rate of false alarms
    Fit(fit::Arguments),
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Check { file } => check(&wiring::policy(file.as_deref())?),
        Command::Test { file } => test(config, wiring::policy(file.as_deref())?).await,
        Command::Show { file } => show(&wiring::policy(file.as_deref())?),
        Command::Fit(arguments) => fit::run(config, arguments).await,
    }
}

fn check(policy: &Policy) -> anyhow::Result<Outcome> {
    plugins::builtin().check(policy)?;
    plugins::summarizing().check(policy)?;
    let mut out = anstream::stdout().lock();
    for warning in policy.warnings() {
        writeln!(out, "warning: {warning}")?;
    }
    writeln!(
        out,
        "policy `{}` {}: {} categories, {} clauses, {} stages, {} precedents, {} cases; digest {}",
        policy.name(),
        policy.version(),
        policy.categories().len(),
        policy.clauses().len(),
        policy.stages().len(),
        policy.precedents().len(),
        policy.cases().len(),
        policy.digest()
    )?;
    Ok(Outcome::Done)
}

/// The cases are judged by the policy alone: without the tenant's banks.
async fn test(config: &Config, policy: Policy) -> anyhow::Result<Outcome> {
    let models = wiring::models(config, [&policy])?;
    let pipeline = wiring::chamber(policy, &models, None).await?.judging;
    let mut out = anstream::stdout().lock();
    let (mut held, mut known, mut failed) = (0, 0, 0);
    for case in pipeline.policy().cases() {
        match (objection(&pipeline, case).await, &case.known_to_fail) {
            (None, None) => held += 1,
            (Some(objection), Some(reason)) => {
                known += 1;
                writeln!(out, "case `{}` is known to fail: {objection}; {reason}", case.id)?;
            }
            (Some(objection), None) => {
                failed += 1;
                writeln!(out, "case `{}` fails: {objection}", case.id)?;
            }
            (None, Some(_)) => {
                failed += 1;
                writeln!(out, "case `{}` holds now: take its `known_to_fail` away", case.id)?;
            }
        }
    }
    writeln!(out, "{held} cases hold, {known} are known to fail, {failed} fail")?;
    Ok(if failed == 0 { Outcome::Done } else { Outcome::Flawed })
}

async fn objection(pipeline: &Pipeline, case: &policies::Case) -> Option<String> {
    let content = match Content::new(case.text.as_str()) {
        Ok(content) => content,
        Err(error) => return Some(error.to_string()),
    };
    let judgment = pipeline.judge(content.into(), &Ask::default()).await;
    if judgment.record.degraded() {
        return Some("a stage that should have judged did not".to_owned());
    }
    let verdict = judgment.verdict;
    let found: Vec<_> = verdict.findings.iter().map(|finding| finding.category.clone()).collect();
    let objection = case.objection(verdict.action, &found)?;
    let highest = verdict.scores.iter().max_by_key(|(_, scored)| **scored);
    let (category, (score, severity)) = highest?;
    Some(format!("{objection} (highest: {category} {:.2}, severity {})", score.value(), severity.value()))
}

fn show(policy: &Policy) -> anyhow::Result<Outcome> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{} {} ({})", policy.name(), policy.version(), policy.languages().join(", "))?;
    for rule in policy.categories() {
        let floor = if rule.floor { " (floor)" } else { "" };
        writeln!(out, "\n{}{floor}: {}", rule.name, rule.definition)?;
        for clause in policy.clauses().iter().filter(|clause| clause.category == rule.name) {
            writeln!(out, "  {} (severity {}): {}", clause.id, clause.severity.value(), clause.text)?;
        }
    }
    writeln!(out)?;
    for stage in policy.stages() {
        writeln!(out, "stage {}: on fault {}", stage.label(), stage.on_fault.demands().name())?;
    }
    Ok(Outcome::Done)
}
