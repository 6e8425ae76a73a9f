//! Fast Gaussian noise for whole images: a table of the normal distribution's quantiles, five draws from 64 bits.

use crate::random::Random;

const ENTRIES: usize = 4096;

/// 4,096 equally likely values of the standard normal distribution.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    table: Vec<f32>,
}

impl Noise {
    /// The table, scaled to `sigma`.
    pub(super) fn new(sigma: f64) -> Self {
        let half: Vec<f64> = (0..ENTRIES / 2).map(|i| quantile((i as f64 + 0.5) / ENTRIES as f64)).collect();
        // The bins' midpoints lose a little in the tails: scale to unit variance.
        let variance = half.iter().map(|x| x * x).sum::<f64>() / half.len() as f64;
        let scale = sigma / variance.sqrt();
        let table = half
            .iter()
            .map(|x| (x * scale) as f32)
            .chain(half.iter().rev().map(|x| (-x * scale) as f32))
            .collect();
        Self { table }
    }

    /// Adds noise to every value.
    pub(super) fn add(&self, values: &mut [f32], random: &mut Random) {
        for group in values.chunks_mut(5) {
            let mut bits = random.next();
            for value in group {
                *value += self.table[bits as usize % ENTRIES];
                bits >>= 12;
            }
        }
    }
}

/// Inverse of the normal distribution for 0 < p <= 0.5, by bisection on Abramowitz and Stegun's 26.2.17 (error below 1e-7).
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-6.0, 0.0);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if lower_tail(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// P(Z < x) for x <= 0.
fn lower_tail(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let polynomial = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt() * polynomial
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_its_moments() {
        let mut values = vec![0.0_f32; 1_000_000];
        Noise::new(10.0).add(&mut values, &mut Random::new(3, "noise", 0));
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let deviation = (values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / count).sqrt();
        let beyond = values.iter().filter(|v| v.abs() > 19.6).count() as f64 / count;
        assert!(mean.abs() < 0.05, "{mean}");
        assert!((deviation - 10.0).abs() < 0.05, "{deviation}");
        assert!((beyond - 0.05).abs() < 0.002, "{beyond}");
    }
}
