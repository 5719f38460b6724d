//! Measures one kind of work for a while: how many, how long each, and what it cost the server.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{child::Server, http::Http, work::Work};

/// What one round came to.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Round {
    pub(super) per_second: f64,
    /// Processor time of the server for one operation.
    pub(super) cpu_us: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Does `work` on `connections` connections for `time`.
pub(super) async fn measure(
    server: &Server,
    work: &Rc<Work>,
    connections: usize,
    time: Duration,
) -> Result<Round, String> {
    let latencies: Rc<RefCell<Vec<Duration>>> = Rc::default();
    let mut idle = Vec::new();
    for _ in 0..connections {
        idle.push(Http::connect(server.address).await.map_err(|error| error.to_string())?);
    }
    let (began, cpu) = (Instant::now(), server.cpu_micros());
    let workers: Vec<_> = idle
        .into_iter()
        .enumerate()
        .map(|(worker, mut http)| {
            let (work, latencies) = (Rc::clone(work), Rc::clone(&latencies));
            actix_web::rt::spawn(async move {
                while began.elapsed() < time {
                    let at = Instant::now();
                    if !work.once(worker, &mut http).await? {
                        break;
                    }
                    latencies.borrow_mut().push(at.elapsed());
                }
                Ok::<(), String>(())
            })
        })
        .collect();
    for worker in workers {
        worker.await.map_err(|error| error.to_string())??;
    }
    let (took, cpu) = (began.elapsed(), server.cpu_micros().saturating_sub(cpu));
    let mut latencies = latencies.borrow_mut();
    latencies.sort_unstable();
    let count = f64::from(u32::try_from(latencies.len()).unwrap_or(u32::MAX)).max(1.0);
    Ok(Round {
        per_second: count / took.as_secs_f64(),
        cpu_us: Duration::from_micros(cpu).as_secs_f64() * 1e6 / count,
        p50_ms: percentile(&latencies, 50),
        p99_ms: percentile(&latencies, 99),
    })
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
}

/// The median of each number over all rounds.
pub(super) fn median_round(rounds: &[Round]) -> Round {
    let of = |number: fn(&Round) -> f64| median(rounds.iter().map(number).collect());
    Round {
        per_second: of(|round| round.per_second),
        cpu_us: of(|round| round.cpu_us),
        p50_ms: of(|round| round.p50_ms),
        p99_ms: of(|round| round.p99_ms),
    }
}

/// The median.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles_are_in_the_middle_and_at_the_end() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        let sorted: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert!((percentile(&sorted, 99) - 100.0).abs() < 0.001 && (percentile(&sorted, 50) - 51.0).abs() < 0.001);
        assert!(percentile(&[], 99).abs() < f64::EPSILON);
    }
}
