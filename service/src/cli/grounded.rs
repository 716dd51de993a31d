//! `lamassu eval` for groundedness: the table.

use std::io::Write;

use crate::eval::{Ahead, Figures, GroundednessReport, GroundednessSystem};

pub(super) fn print(report: &GroundednessReport, json: bool) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(report)?)?;
        return Ok(());
    }
    let GroundednessReport { file, answers, contexts, unlabelled, base, systems } = report;
    let base = base * 100.0;
    writeln!(
        out,
        "{file}: {answers} answers about {contexts} contexts, {base:.1} % ungrounded, {unlabelled} without a label"
    )?;
    let [system, auprc, f1, accuracy, error] = ["system", "AUPRC", "F1", "accuracy", "calibration error"];
    writeln!(
        out,
        "  {system:<14} {auprc:>6} {f1:>6} {accuracy:>8} {error:>17}  ground ahead: AUPRC, F1, accuracy; 95 % intervals"
    )?;
    for GroundednessSystem { system, figures, behind } in systems {
        let Figures { auprc, f1, accuracy, calibration_error: error } = figures;
        write!(out, "  {system:<14} {auprc:>6.3} {f1:>6.3} {accuracy:>8.3} {error:>17.3}")?;
        if let Some(behind) = behind {
            let shown = behind.each_ref().map(shown).join(", ");
            write!(out, "  {shown}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn shown(Ahead { mean, low, high }: &Ahead) -> String {
    format!("{mean:+.3} [{low:+.3}, {high:+.3}]")
}
