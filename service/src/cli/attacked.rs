//! `lamassu eval --attacks`

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;

use futures::StreamExt;

use super::eval::judged;
use super::lines;
use crate::eval::{ATTACKS, Attack, Battery, BatteryReport, LabelledText, is_harmful};
use crate::moderator::{Docket, Moderator};

/// A text that the attacks are tried on.
#[derive(Clone)]
struct Target {
    id: Arc<str>,
    text: Arc<str>,
    harmful: bool,
}

/// Tries the battery on the texts of one file, prints what that shows, and says how many verdicts miss a stage.
pub(super) async fn run(
    moderator: &Arc<Moderator>,
    docket: &Docket,
    (file, rows): (String, Vec<LabelledText>),
    json: bool,
) -> anyhow::Result<usize> {
    let mut trial = Trial { moderator, docket, battery: Battery::default(), degraded: 0 };
    let targets = trial.plain(rows).await;
    let bar = lines::progress_bar("{spinner} {msg} {pos} texts, {per_sec}");
    for attack in &ATTACKS {
        bar.set_message(attack.name);
        trial.attack(attack, &targets).await;
        bar.inc(targets.len() as u64);
    }
    bar.finish_and_clear();
    print(&trial.battery.report(file), json)?;
    Ok(trial.degraded)
}

struct Trial<'a> {
    moderator: &'a Arc<Moderator>,
    docket: &'a Docket,
    battery: Battery,
    degraded: usize,
}

impl Trial<'_> {
    /// Judges texts as they are, and gives those that the attacks are to be tried on: harmful ones that are flagged, and
    /// harmless ones that are not.
    async fn plain(&mut self, rows: Vec<LabelledText>) -> Vec<Target> {
        let target = |row: LabelledText| {
            let harmful = is_harmful(&row.labels, self.docket.policy())?;
            Some(Target { id: row.id.into(), text: row.text.into(), harmful })
        };
        let targets =
            rows.into_iter().filter_map(target).map(|target| (target.clone(), target.text.to_string()));
        let mut judged =
            std::pin::pin!(judged(self.moderator, self.docket, targets.map(Ok::<_, Infallible>)));
        let mut entered = Vec::new();
        while let Some(Ok((target, judgment))) = judged.next().await {
            let Ok(judgment) = judgment else { continue };
            self.degraded += usize::from(judgment.record.degraded());
            if self.battery.enter(target.harmful, judgment.verdict.action) {
                entered.push(target);
            }
        }
        entered
    }

    /// Judges them in disguise.
    async fn attack(&mut self, attack: &Attack, targets: &[Target]) {
        let disguised = targets.iter().map(|target| (target.harmful, attack.on(&target.text, &target.id)));
        let mut judged =
            std::pin::pin!(judged(self.moderator, self.docket, disguised.map(Ok::<_, Infallible>)));
        while let Some(Ok((harmful, judgment))) = judged.next().await {
            // What cannot be judged is refused: it gets past nobody, and is no false alarm either.
            let Ok(judgment) = judgment else { continue };
            self.degraded += usize::from(judgment.record.degraded());
            self.battery.count(attack, harmful, judgment.verdict.action);
        }
    }
}

fn print(report: &BatteryReport, json: bool) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(report)?)?;
        return Ok(());
    }
    let BatteryReport { file, harmful: [harmful, missed], harmless: [harmless, flagged], attacks, mean } =
        report;
    writeln!(
        out,
        "{file}: {harmful} harmful texts that are flagged as they are ({missed} are not), {harmless} harmless ones that \
         pass ({flagged} do not)"
    )?;
    let [attack, caught, falsely, difference] = ["attack", "caught", "falsely flagged", "difference"];
    writeln!(out, "  {attack:<20} {caught:>7} {falsely:>15} {difference:>10}")?;
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    for report in attacks {
        let [caught, falsely, difference] =
            [report.caught, report.falsely_flagged, report.difference].map(figure);
        writeln!(out, "  {:<20} {caught:>7} {falsely:>15} {difference:>10}", report.attack)?;
    }
    writeln!(out, "  {:<20} {:>34}", "mean", figure(*mean))?;
    Ok(())
}
