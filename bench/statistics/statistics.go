// Package statistics condenses samples: medians, and what can be said about the ratio of two sides that were measured in pairs.
package statistics

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Spread is the middle of some figures, and the ends.
type Spread struct {
	Median  float64 `json:"median"`
	Minimum float64 `json:"minimum"`
	Maximum float64 `json:"maximum"`
}

// Of condenses figures. Of none, all is zero.
func Of(figures []float64) Spread {
	if len(figures) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(figures))
	return Spread{Median: middle(sorted), Minimum: sorted[0], Maximum: sorted[len(sorted)-1]}
}

// middle is the median of sorted figures.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Comparison is what pairs of measurements say about a ratio.
type Comparison struct {
	// Pairs is how many there are.
	Pairs int `json:"pairs"`
	// Ratio is the median of the ratios of the pairs.
	Ratio float64 `json:"ratio"`
	// Low and High bound it with 95 % confidence: percentiles of the medians of samples drawn from the ratios with replacement (bootstrap).
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Chance is the probability of ratios at least this far from 1 if both sides cost the same: the signed-rank test of Wilcoxon on their logarithms, two-sided.
	Chance float64 `json:"chance"`
	// Minimum and Maximum are the ends of the ratios.
	Minimum float64 `json:"minimum"`
	Maximum float64 `json:"maximum"`
}

// resamples is how many samples the bootstrap draws.
const resamples = 10000

// Compare compares sides that were measured in pairs. The same figures always give the same answer.
func Compare(numerator, denominator []float64) Comparison {
	n := min(len(numerator), len(denominator))
	if n == 0 {
		return Comparison{}
	}
	ratios, logarithms := make([]float64, n), make([]float64, n)
	for i := range n {
		ratios[i] = numerator[i] / denominator[i]
		logarithms[i] = math.Log(ratios[i])
	}
	spread := Of(ratios)
	c := Comparison{Pairs: n, Ratio: spread.Median, Minimum: spread.Minimum, Maximum: spread.Maximum, Chance: wilcoxon(logarithms)}
	random := rand.New(rand.NewPCG(1, uint64(n)))
	medians, drawn := make([]float64, resamples), make([]float64, n)
	for i := range medians {
		for j := range drawn {
			drawn[j] = ratios[random.IntN(n)]
		}
		slices.Sort(drawn)
		medians[i] = middle(drawn)
	}
	slices.Sort(medians)
	c.Low, c.High = medians[resamples*25/1000], medians[resamples*975/1000-1]
	return c
}

// wilcoxon is the two-sided probability of the signed-rank test, exact for as many differences as pairs are ever measured. Zero differences are left out; ties share
// their mean rank.
func wilcoxon(differences []float64) float64 {
	differences = slices.DeleteFunc(slices.Clone(differences), func(d float64) bool { return d == 0 })
	n := len(differences)
	if n == 0 {
		return 1
	}
	slices.SortFunc(differences, func(a, b float64) int {
		switch x, y := math.Abs(a), math.Abs(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	// Doubled ranks are whole numbers even if two differences share one.
	ranks := make([]int, n)
	positive, total := 0, 0
	for i := 0; i < n; {
		end := i
		for end < n && math.Abs(differences[end]) == math.Abs(differences[i]) {
			end++
		}
		for k := i; k < end; k++ {
			ranks[k] = i + 1 + end
			total += ranks[k]
			if differences[k] > 0 {
				positive += ranks[k]
			}
		}
		i = end
	}
	// ways[s] is the probability that the positive ranks sum up to s when each sign is a coin.
	ways := make([]float64, total+1)
	ways[0] = 1
	for _, rank := range ranks {
		for s := total; s >= 0; s-- {
			ways[s] /= 2
			if s >= rank {
				ways[s] += ways[s-rank] / 2
			}
		}
	}
	low, high := 0.0, 0.0
	for s, p := range ways {
		if s <= positive {
			low += p
		}
		if s >= positive {
			high += p
		}
	}
	return min(1, 2*min(low, high))
}
