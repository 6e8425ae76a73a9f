//! A person's history, written as one transaction: visits in their order, what was found and done at each, and the
//! illnesses and medicines behind them. Chronic illness drives medicines and measurements.

mod chart;
mod letters;
mod measures;
mod problems;
mod reports;

use crate::bundle::{Link, Transaction};
use crate::calendar::Moment;
use crate::network::Member;
use crate::person::Person;
use crate::random::Random;
use chart::{Chart, Visit, VisitKind};
use measures::Course;

/// Routine visits stop here, so that a bundle stays below 120 entries.
const ENOUGH: usize = 84;

/// Writes everything that is known of a person.
pub(crate) fn write(person: &Person, member: &Member) -> Vec<u8> {
    let mut bundle = Transaction::new(person.seed, &person.mrn);
    let organization = bundle.organization(member);
    let general = bundle.practitioner(member, member.specialist("Family medicine"));
    let patient = person.write_patient(&mut bundle, member, &organization, &general);
    let random = Random::new(person.seed, "history", u64::from(person.number));
    let mut chart = Chart { person, member, organization, patient, bundle, random };

    let visits = plan_visits(person, member, &mut chart.random);
    let first = chart.encounter(visits[0], VisitKind::CheckUp, "First visit");
    let chronic = problems::chronic(&mut chart, &first);
    problems::allergy(&mut chart, &first);
    let course = Course::new(person, &mut chart.random);
    problems::chest_illness(&mut chart);
    reports::imaging(&mut chart, chronic.copd.as_ref());
    problems::past_procedures(&mut chart, visits[0].date);
    write_visits(&mut chart, &visits, first, &course);
    letters::summary(&mut chart);
    problems::immunizations(&mut chart);
    problems::referrals(&mut chart, &chronic);
    problems::care_plan(&mut chart, &chronic);
    chart.bundle.finish()
}

fn write_visits(chart: &mut Chart<'_>, visits: &[Moment], first: Visit, course: &Course) {
    let last = visits.len() - 1;
    // The newest visits matter most; the oldest gives the courses their start.
    let mut chosen: Vec<(usize, Option<Visit>)> = vec![(0, Some(first)), (last, None)];
    chosen.extend((1..last).rev().map(|index| (index, None)));
    chosen.dedup_by_key(|(index, _)| *index);
    for (index, visit) in chosen {
        if chart.bundle.len() > ENOUGH {
            break;
        }
        let visit = match visit {
            Some(visit) => visit,
            None => chart.encounter(visits[index], VisitKind::CheckUp, "Check-up"),
        };
        let progress = index as f64 / last.max(1) as f64;
        let mut results: Vec<Link> = Vec::new();
        measures::vital_signs(chart, &visit, course, progress);
        measures::laboratory(chart, &visit, course, progress, &mut results);
        if !results.is_empty() {
            chart.laboratory_report(&visit, &results);
        }
    }
}

/// Moments of the routine visits, oldest first: between four and nine within the last six years of life.
fn plan_visits(person: &Person, member: &Member, random: &mut Random) -> Vec<Moment> {
    let chronic = i64::from(person.diabetes) + i64::from(person.hypertension) + i64::from(person.copd);
    let count = (random.int(4, 5) + chronic) as i32;
    let lifetime = person.today.days() - person.birth.days();
    let window = lifetime.clamp(1, 6 * 365);
    (0..count)
        .map(|index| {
            let even = window - window * (2 * index + 1) / (2 * count);
            let spread = i64::from(window / (2 * count) - 1).max(0) / 2;
            let days_ago = even + random.int(-spread, spread) as i32;
            Moment {
                date: person.today.plus(-days_ago.max(1)).max(person.birth),
                seconds: (random.int(8 * 60, 16 * 60) * 60) as u32,
                offset_hours: member.offset_hours,
            }
        })
        .collect()
}
