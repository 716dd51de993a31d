//! The policy file: its lines taken away, and its lines put in, with all else as its author wrote it.

use std::fmt::Write;

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::{FitError, Fitting, Standing};

/// What a comment of ours begins with; one that begins otherwise is the author's.
const OURS: &str = "# fitted:";

/// What lines were fitted to, for the comment beside them.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Names of the files.
    pub files: Vec<String>,
    /// The share of harmless texts that may be flagged.
    pub rate: f64,
}

/// The policy with every line at nought: judging by it lists all that the stages find.
///
/// # Errors
///
/// [`FitError::Unreadable`] and [`FitError::Form`].
pub fn wide_open(policy: &str) -> Result<String, FitError> {
    let mut document: DocumentMut = policy.parse()?;
    let zero = |value: Value| {
        let lines = ["flag", "review", "block"].map(|action| (action, value.clone()));
        Item::Value(Value::InlineTable(lines.into_iter().collect()))
    };
    let thresholds = document.get_mut("thresholds").and_then(Item::as_table_like_mut);
    let thresholds = thresholds.ok_or(FitError::Form("thresholds"))?;
    thresholds.insert("score", zero(0.0.into()));
    thresholds.insert("severity", zero(0.into()));
    for category in categories(&mut document)?.iter_mut() {
        for own in ["score", "severity", "language"] {
            category.remove(own);
        }
    }
    Ok(document.to_string())
}

/// The policy with the new lines in their places, each beside a comment that says where it came from. The author's
/// comments, layout and order stay.
///
/// # Errors
///
/// [`FitError::Unreadable`] and [`FitError::Form`].
pub fn rewrite(policy: &str, fittings: &[Fitting], origin: &Origin) -> Result<String, FitError> {
    let mut document: DocumentMut = policy.parse()?;
    for category in categories(&mut document)?.iter_mut() {
        let name = category.get("name").and_then(Item::as_str).unwrap_or_default().to_owned();
        let its_own = |fitting: &&Fitting| {
            fitting.own && fitting.category == name && (fitting.is_new() || fitting.is_fitted())
        };
        for fitting in fittings.iter().filter(its_own) {
            match &fitting.language {
                None => put(category, fitting, origin),
                Some(language) => {
                    let dotted =
                        category.get("language").and_then(Item::as_table).is_none_or(Table::is_dotted);
                    let languages =
                        table_in(category, "language", dotted).ok_or(FitError::Form("language"))?;
                    let own = table_in(languages, language, dotted).ok_or(FitError::Form("language"))?;
                    put(own, fitting, origin);
                }
            }
        }
    }
    Ok(document.to_string())
}

fn categories(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, FitError> {
    document.get_mut("category").and_then(Item::as_array_of_tables_mut).ok_or(FitError::Form("category"))
}

/// The table of that name: the one there is, where it stands, or a new one; an inline one gives way to lines that have
/// room for a comment.
fn table_in<'a>(parent: &'a mut Table, name: &str, dotted: bool) -> Option<&'a mut Table> {
    if !parent.get(name).is_some_and(Item::is_table) {
        let found = parent.get(name).cloned().unwrap_or_else(|| Item::Table(Table::new()));
        let mut table = found.into_table().ok()?;
        table.set_dotted(dotted);
        table.set_implicit(!dotted && name == "language");
        parent.insert(name, Item::Table(table));
    }
    parent.get_mut(name)?.as_table_mut()
}

fn put(table: &mut Table, fitting: &Fitting, origin: &Origin) {
    let lines = fitting.scores();
    let lines = [("flag", lines.flag), ("review", lines.review), ("block", lines.block)];
    let mut scores = Value::InlineTable(
        lines.into_iter().map(|(action, line)| (action, Value::from(widened(line)))).collect::<InlineTable>(),
    );
    let before = table.get("score").and_then(Item::as_value);
    let remark =
        before.and_then(|value| value.decor().suffix()?.as_str()).and_then(authors).unwrap_or_default();
    let remark = if remark.is_empty() { String::new() } else { format!(" {remark}") };
    scores.decor_mut().set_prefix(" ");
    scores.decor_mut().set_suffix(format!(" {}{remark}", comment(fitting, origin)));
    table.insert("score", Item::Value(scores));
}

/// What the author wrote behind a value, if he did; ours ends where the next `#` begins.
fn authors(suffix: &str) -> Option<&str> {
    let suffix = suffix.trim();
    let theirs = match suffix.strip_prefix(OURS) {
        Some(ours) => ours.get(ours.find('#')?..)?,
        None => suffix,
    };
    Some(theirs).filter(|theirs| !theirs.is_empty())
}

/// The number that is written as `line` is: 0.3, where widening alone would write 0.30000001192092896.
fn widened(line: f32) -> f64 {
    line.to_string().parse().unwrap_or_else(|_| f64::from(line))
}

fn comment(fitting: &Fitting, origin: &Origin) -> String {
    let mut said = OURS.to_owned();
    for (action, line) in fitting.lines() {
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
        };
        let (false_positives, recall) = (percent(line.false_positive_rate), percent(line.recall));
        let kept = if matches!(line.standing, Standing::Fitted) { "" } else { " (kept)" };
        // Writing to a `String` does not fail.
        let _ = if action == "flag" {
            let (negatives, positives) = (fitting.negatives, fitting.positives);
            write!(
                said,
                " {action} {false_positives} of {negatives} harmless, {recall} of {positives} harmful{kept}"
            )
        } else {
            write!(said, "; {action} {false_positives}, {recall}{kept}")
        };
    }
    let files = origin.files.iter().map(|file| file.replace(['#', '\n', '\r'], "_")).collect::<Vec<_>>();
    let _ = write!(said, "; for {} % of {}", origin.rate * 100.0, files.join(", "));
    said
}
