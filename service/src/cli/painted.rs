//! A judgment, or a summary, for a person at a terminal.

use std::io::Write;

use owo_colors::{OwoColorize, Style};
use policies::{Action, Citation, Evidence, Finding, Judgment, Policy, Record, Span, Summarized};

/// Characters of the text shown for a span, at most.
const EXCERPT_CHARS: usize = 60;

/// Writes the action, what it rests on, and how it came about.
pub(super) fn judgment(
    out: &mut impl Write,
    text: &str,
    judgment: &Judgment,
    policy: &Policy,
) -> std::io::Result<()> {
    let Judgment { verdict, record, rewritten } = judgment;
    let style = paint(verdict.action);
    writeln!(
        out,
        "{}",
        format!(" {} ", verdict.action.name().to_uppercase()).style(style.reversed().bold())
    )?;
    for finding in &verdict.findings {
        let style = paint(policy.action_for(finding, &verdict.language));
        writeln!(
            out,
            "  {:<24} score {:.2}  severity {}",
            finding.category.name().style(style.bold()),
            finding.score.value(),
            finding.severity.value()
        )?;
        evidence(out, text, finding, policy)?;
    }
    for line in &verdict.explanations {
        writeln!(out, "  {line}")?;
    }
    if let Some(rewritten) = rewritten {
        writeln!(out, "  masked: {}", shown(&rewritten.text, usize::MAX))?;
    }
    stages(out, record)?;
    writeln!(
        out,
        "{}",
        format!("  policy {} {}", policy.name(), record.policy.get(..12).unwrap_or_default()).dimmed()
    )?;
    if record.degraded() {
        writeln!(out, "  {}", "degraded: a stage that should have judged did not".yellow())?;
    }
    Ok(())
}

/// Writes each sentence with what it rests on, what was kept out, and how it came about.
pub(super) fn summary(out: &mut impl Write, summarized: &Summarized) -> std::io::Result<()> {
    let Summarized { summary, reason, sources, withheld, record, .. } = summarized;
    for sentence in &summary.sentences {
        let text =
            if sentence.unsupported { sentence.text.red().to_string() } else { sentence.text.to_string() };
        writeln!(out, "{text}")?;
        let support =
            sentence.support.map(|support| format!("  support {:.2}", support.value())).unwrap_or_default();
        let citation = |Citation { document, span }: &Citation| {
            Some(format!("{} [{}..{}]", sources.get(*document)?.id, span.start, span.end))
        };
        let cited: Vec<String> = sentence.citations.iter().filter_map(citation).collect();
        writeln!(out, "{}", format!("    {}{support}", cited.join(", ")).dimmed())?;
    }
    for kept in withheld {
        let what =
            if kept.count == 1 { kept.what.name().to_owned() } else { format!("{}s", kept.what.name()) };
        let why = kept.category.as_ref().map_or("not judged, or not supported", policies::Category::name);
        writeln!(out, "{}", format!("withheld: {} {what} ({why})", kept.count).yellow())?;
    }
    if let Some(reason) = reason {
        writeln!(out, "{}", reason.yellow())?;
    }
    writeln!(out, "{}", format!("  {}", summary.mode.name()).dimmed())?;
    stages(out, record)?;
    if record.degraded() {
        writeln!(out, "  {}", "degraded: a stage that should have run did not, or not wholly".yellow())?;
    }
    Ok(())
}

fn stages(out: &mut impl Write, record: &Record) -> std::io::Result<()> {
    for run in &record.stages {
        let device = run.device.as_deref().map(|device| format!(" on {device}")).unwrap_or_default();
        let reason = run.status.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        let bytes: usize = run.bytes.iter().map(|span| span.end - span.start).sum();
        let read = |tokens: policies::Tokens| format!(", {} tokens, {} cached", tokens.prompt, tokens.cached);
        let tokens = run.tokens.map(read).unwrap_or_default();
        let took = run.took.as_secs_f64() * 1e3;
        let line = format!(
            "  {:<12} {}{reason}{device}, {bytes} bytes, {took:.1} ms{tokens}",
            run.stage,
            run.status.name()
        );
        writeln!(out, "{}", line.dimmed())?;
    }
    if !record.not_scored.is_empty() {
        let names: Vec<&str> = record.not_scored.iter().map(policies::Category::name).collect();
        writeln!(out, "{}", format!("  not scored: {}", names.join(", ")).dimmed())?;
    }
    Ok(())
}

fn evidence(out: &mut impl Write, text: &str, finding: &Finding, policy: &Policy) -> std::io::Result<()> {
    for evidence in &finding.evidence {
        let line = match evidence {
            Evidence::Span(span) if whole(text, *span) => continue,
            Evidence::Span(span) => format!("“{}”", excerpt(text, *span)),
            Evidence::Precedent { id, similarity, ruling } => {
                format!("precedent {id} ({}), similarity {similarity:.2}", ruling.name())
            }
            Evidence::Clause(id) => {
                let clause = policy.clauses().iter().find(|clause| clause.id == *id);
                format!("clause {id}: {}", clause.map_or("", |clause| clause.text.as_str()))
            }
            Evidence::Listed { list, span, .. } => format!("list {list}: “{}”", excerpt(text, *span)),
        };
        writeln!(out, "      {line}")?;
    }
    Ok(())
}

fn whole(text: &str, span: Span) -> bool {
    span.start == 0 && span.end == text.len()
}

fn excerpt(text: &str, span: Span) -> String {
    let words = text.get(span.start..span.end).unwrap_or_default();
    let mut shown = shown(words, EXCERPT_CHARS);
    if words.chars().nth(EXCERPT_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// The first characters of a text, without those that steer a terminal.
fn shown(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn paint(action: Action) -> Style {
    match action {
        Action::Allow => Style::new().green(),
        Action::Flag => Style::new().yellow(),
        Action::Review => Style::new().magenta(),
        Action::Block => Style::new().red(),
    }
}
