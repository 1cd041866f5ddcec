package parsers

// Trial is one generated request, what the guard says of it, and what the parsers make of it.
type Trial struct {
	Request   Request
	Forwarded *Forwarded
	Judgement Judgement
	// Readings are in the order of [Laboratory.Parsers]; nil if the parsers were not asked.
	Readings []Reading
}

// batchSize is the number of requests that all parsers get at once. The fastest of them wait for the slowest at the end of each batch.
const batchSize = 1000

// Run generates so many requests of a seed, and calls visit with every one that gets past net/http, in order. Only those that ask chooses are given to the parsers.
func (l *Laboratory) Run(guard *Guard, generate func(seed, number uint64) Request, seed uint64, count int, ask func(*Trial) bool, visit func(*Trial)) error {
	var all, asked []*Trial
	flush := func() error {
		requests := make([]*Forwarded, len(asked))
		for i, trial := range asked {
			requests[i] = trial.Forwarded
		}
		readings, err := l.Read(requests)
		if err != nil {
			return err
		}
		for i, trial := range asked {
			trial.Readings = readings[i]
		}
		for _, trial := range all {
			visit(trial)
		}
		all, asked = all[:0], asked[:0]
		return nil
	}
	for number := range uint64(count) {
		trial := &Trial{Request: generate(seed, number)}
		var err error
		if trial.Forwarded, err = Forward(trial.Request.Message()); err != nil {
			continue
		}
		trial.Judgement = guard.Judge(trial.Forwarded)
		all = append(all, trial)
		if ask(trial) {
			asked = append(asked, trial)
		}
		if len(asked) == batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// Differences are those between the guard's reading and each parser's.
func (l *Laboratory) Differences(trial *Trial) []Difference {
	var differences []Difference
	for i, parser := range l.Parsers() {
		differences = append(differences, Compare(&trial.Judgement, trial.Forwarded, parser, &trial.Readings[i])...)
	}
	return differences
}
