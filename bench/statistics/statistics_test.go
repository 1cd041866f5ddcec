package statistics

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestOf(t *testing.T) {
	for _, test := range []struct {
		figures []float64
		want    Spread
	}{
		{nil, Spread{}},
		{[]float64{3}, Spread{3, 3, 3}},
		{[]float64{3, 1, 2}, Spread{2, 1, 3}},
		{[]float64{4, 1, 2, 3}, Spread{2.5, 1, 4}},
	} {
		if got := Of(test.figures); got != test.want {
			t.Errorf("of %v: %v, want %v", test.figures, got, test.want)
		}
	}
}

// TestWilcoxon compares with the published table of the test: n and the smaller sum of ranks give the two-sided probability.
func TestWilcoxon(t *testing.T) {
	for _, test := range []struct {
		differences []float64
		want        float64
	}{
		{nil, 1},
		{[]float64{0, 0}, 1},
		{[]float64{1}, 1},
		{[]float64{1, 2, 3, 4, 5}, 2.0 / 32},
		{[]float64{-1, 2, 3, 4, 5, 6}, 4.0 / 64},
		{[]float64{1, 2, -3, 4, 5, 6, 7, 8}, 10.0 / 256},
		{[]float64{1, -1}, 1},
		{[]float64{2, 2, 2}, 2.0 / 8},
	} {
		if got := wilcoxon(test.differences); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("of %v: %v, want %v", test.differences, got, test.want)
		}
	}
}

// TestCompare draws pairs whose ratio is known, and expects the interval to hold it about as often as it promises.
func TestCompare(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	held, surprised := 0, 0
	const trials, pairs, ratio = 60, 20, 1.02
	for range trials {
		var a, b, c []float64
		for range pairs {
			load := 50 + 20*random.Float64() // what both sides of a pair suffer alike
			b = append(b, load)
			a = append(a, load*ratio*(1+0.02*random.NormFloat64()))
			c = append(c, load*(1+0.02*random.NormFloat64()))
		}
		got := Compare(a, b)
		if got.Pairs != pairs || got.Low > got.Ratio || got.High < got.Ratio || got.Minimum > got.Low || got.Maximum < got.High {
			t.Fatalf("%+v is not in order", got)
		}
		if got.Low <= ratio && ratio <= got.High {
			held++
		}
		if Compare(c, b).Chance < 0.05 {
			surprised++
		}
	}
	if held < trials*88/100 {
		t.Errorf("the interval held the ratio %d times of %d", held, trials)
	}
	if surprised > trials*10/100 {
		t.Errorf("equal sides differed significantly %d times of %d", surprised, trials)
	}
	if got := Compare(nil, nil); got != (Comparison{}) {
		t.Errorf("no pairs give %+v", got)
	}
}
