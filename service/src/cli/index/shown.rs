//! Answers as people read them.

use std::io::Write;

use serde_json::Value;

use crate::cli::Outcome;

/// There is nothing to read.
pub(super) fn nothing() -> anyhow::Result<Outcome> {
    writeln!(anstream::stdout(), "there are no banks yet")?;
    Ok(Outcome::Done)
}

/// One line for each row.
pub(super) fn rows(rows: &Value) -> anyhow::Result<Outcome> {
    let mut out = anstream::stdout().lock();
    for row in list(rows) {
        if let Some(similarity) = row["similarity"].as_f64() {
            write!(out, "{similarity:.3}  ")?;
        }
        let text = |name: &str| row[name].as_str().unwrap_or("-");
        if row["document"].is_string() {
            passage(&mut out, row)?;
            continue;
        }
        if row["chunks"].is_u64() {
            let named = ["id", "format", "language", "title"].map(text).join("  ");
            let tags = list(&row["tags"]).filter_map(Value::as_str).collect::<Vec<_>>().join(",");
            writeln!(out, "{named}  {} bytes  {} chunks  [{tags}]", row["bytes"], row["chunks"])?;
            continue;
        }
        let named = ["id", "ruling", "category", "state", "text"].map(text).join("  ");
        writeln!(out, "{named}")?;
    }
    Ok(Outcome::Done)
}

/// Where it stands, and what it says, in one line.
fn passage(out: &mut impl Write, row: &Value) -> std::io::Result<()> {
    let mut place: Vec<&str> = vec![name(&row["document"])];
    place.extend(list(&row["headings"]).filter_map(Value::as_str));
    let said = name(&row["text"]).split_whitespace().collect::<Vec<_>>().join(" ");
    writeln!(out, "{} [{}..{}]  {said}", place.join(" > "), row["start"], row["end"])
}

/// Each row as JSON.
pub(super) fn lines(rows: &Value) -> anyhow::Result<Outcome> {
    let mut out = anstream::stdout().lock();
    list(rows).try_for_each(|row| writeln!(out, "{row}"))?;
    Ok(Outcome::Done)
}

/// The banks there are.
pub(super) fn banks(answer: &Value) -> anyhow::Result<Outcome> {
    let mut out = anstream::stdout().lock();
    for bank in list(&answer["banks"]) {
        let (held, what) =
            (name(&bank["kind"]), if bank["kind"] == "documents" { "documents" } else { "rows" });
        writeln!(out, "{}  {held}  {} {what}", name(&bank["name"]), bank["rows"])?;
    }
    Ok(Outcome::Done)
}

/// A bank that was made.
pub(super) fn made(bank: &Value) -> anyhow::Result<Outcome> {
    writeln!(anstream::stdout(), "made the bank `{}`", name(&bank["name"]))?;
    Ok(Outcome::Done)
}

/// A row that is gone.
pub(super) fn removed(_: &Value, id: &str) -> anyhow::Result<Outcome> {
    writeln!(anstream::stdout(), "removed `{id}`")?;
    Ok(Outcome::Done)
}

/// What a case is now.
pub(super) fn state(row: &Value) -> anyhow::Result<Outcome> {
    writeln!(anstream::stdout(), "`{}` is {}", name(&row["id"]), name(&row["state"]))?;
    Ok(Outcome::Done)
}

/// What a bank holds.
pub(super) fn account(account: &Value) -> anyhow::Result<Outcome> {
    let mut out = anstream::stdout().lock();
    if account["kind"] == "documents" {
        writeln!(out, "{} documents in {} chunks", account["documents"], account["chunks"])?;
        writeln!(out, "encoder {}", name(&account["encoder"]))?;
        return Ok(Outcome::Done);
    }
    let states = &account["states"];
    writeln!(
        out,
        "{} rows, {} of them confirmed, {} act",
        account["rows"], states["confirmed"], account["acting"]
    )?;
    for (state, count) in states.as_object().into_iter().flatten().filter(|(_, count)| **count != 0) {
        writeln!(out, "  {state}: {count}")?;
    }
    match account["line"]["similarity"].as_f64() {
        Some(similarity) => writeln!(
            out,
            "cases agree from cosine {similarity:.3} on, precision {:.2}",
            account["line"]["precision"].as_f64().unwrap_or_default()
        )?,
        None => writeln!(out, "too few confirmed cases to fit a line; the policy's holds")?,
    }
    for alert in list(&account["alerts"]) {
        writeln!(
            out,
            "STOPPED: `{}` matched {} of {} texts",
            name(&alert["id"]),
            alert["matched"],
            alert["of"]
        )?;
    }
    writeln!(out, "encoder {}", name(&account["encoder"]))?;
    Ok(Outcome::Done)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn name(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}
