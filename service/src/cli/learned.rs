//! `lamassu eval --learn`

use std::io::Write;

use crate::eval::{AllowReport, BankReport, LearningReport, WeightsFit};

/// Prints what precedents teach.
pub(super) fn print(report: &LearningReport, json: bool) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(report)?)?;
        return Ok(());
    }
    let LearningReport { file, label, texts: [entered, fitted, measured], banks, weights, allowed } = report;
    writeln!(
        out,
        "{file}: `{label}` as a harm that no head knows; {entered} texts to enter, {fitted} to fit to, {measured} measured"
    )?;
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let [cases, rulings, lines, auprc, recall] = ["cases", "rulings", "lines", "AUPRC", "recall at 2 % FPR"];
    let [caught, alarmed] = ["harm flagged", "harmless flagged"];
    writeln!(out, "  {cases:>5} {rulings:<9} {lines:<7} {auprc:>7} {recall:>18} {caught:>13} {alarmed:>17}")?;
    for BankReport { precedents, shuffled, fitted, auprc, recall, caught, alarmed } in banks {
        let rulings = if *shuffled { "shuffled" } else { "as given" };
        let lines = if *fitted { "fitted" } else { "default" };
        let [auprc, recall, caught, alarmed] = [auprc, recall, caught, alarmed].map(|value| figure(*value));
        writeln!(
            out,
            "  {precedents:>5} {rulings:<9} {lines:<7} {auprc:>7} {recall:>18} {caught:>13} {alarmed:>17}"
        )?;
    }
    let WeightsFit { agree_from, agree_full, brier, brier_before, near_copy, harmless } = weights;
    writeln!(
        out,
        "  fitted: agree_from = {agree_from}, agree_full = {agree_full} (Brier {brier:.3}, by default {brier_before:.3}); of \
         {harmless} harmless texts one in a thousand comes nearer to a case of the harm than {near_copy:.3}"
    )?;
    for AllowReport { precedents, family, fpr, recall } in allowed {
        let kind = match (precedents, family) {
            (0, _) => "no allowed cases".to_owned(),
            (count, true) => format!("{count} false alarms allowed"),
            (count, false) => format!("{count} other harmless texts allowed"),
        };
        let [fpr, recall] = [fpr, recall].map(|value| figure(*value));
        writeln!(
            out,
            "  default policy, {kind}: {fpr} of the harmless and {recall} of the harmful texts flagged"
        )?;
    }
    Ok(())
}
