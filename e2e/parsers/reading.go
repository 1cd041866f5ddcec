package parsers

import (
	"encoding/binary"
	"errors"
)

// Pair is a parameter as a parser returns it. A value that is no string, such as a list or map that stands under the name, begins with a NUL.
type Pair struct{ Name, Value string }

// Reading is what one parser makes of one request.
type Reading struct {
	// Refused says why the parser refuses the request; it is empty if it does not. A refused request has no parameters.
	Refused string
	// Endpoint is what the request reaches: "authorize", "token", or "" for anything else.
	Endpoint string
	// Pairs are the parameters of the query and the form.
	Pairs []Pair
}

// Every text in a reading is four bytes of length, most significant first, and so many bytes. A reading is the endpoint ("!" and a reason if the parser refuses), the number of
// pairs in four bytes, and for each pair name and value.

// errReading is a program that does not keep to the format.
var errReading = errors.New("the reading is incomplete")

// cutText takes a text off the front.
func cutText(data []byte) (text string, rest []byte, err error) {
	if len(data) < 4 {
		return "", nil, errReading
	}
	size := binary.BigEndian.Uint32(data)
	if uint32(len(data)-4) < size {
		return "", nil, errReading
	}
	return string(data[4 : 4+size]), data[4+size:], nil
}

// decode reads the readings of several parsers.
func decode(data []byte, count int) ([]Reading, error) {
	readings := make([]Reading, count)
	for i := range readings {
		var err error
		if readings[i], data, err = cutReading(data); err != nil {
			return nil, err
		}
	}
	if len(data) > 0 {
		return nil, errReading
	}
	return readings, nil
}

// cutReading takes a reading off the front.
func cutReading(data []byte) (reading Reading, rest []byte, err error) {
	if reading.Endpoint, data, err = cutText(data); err != nil {
		return reading, nil, err
	}
	if len(data) < 4 {
		return reading, nil, errReading
	}
	pairs := binary.BigEndian.Uint32(data)
	data = data[4:]
	for range pairs {
		var pair Pair
		if pair.Name, data, err = cutText(data); err != nil {
			return reading, nil, err
		}
		if pair.Value, data, err = cutText(data); err != nil {
			return reading, nil, err
		}
		reading.Pairs = append(reading.Pairs, pair)
	}
	if reading.Endpoint != "" && reading.Endpoint[0] == '!' {
		reading = refused(reading.Endpoint[1:])
	}
	return reading, data, nil
}

// refused is the reading of a parser that refuses.
func refused(reason string) Reading { return Reading{Refused: reason} }

// appendTexts appends texts to a frame.
func appendTexts(frame []byte, texts ...string) []byte {
	for _, text := range texts {
		frame = binary.BigEndian.AppendUint32(frame, uint32(len(text)))
		frame = append(frame, text...)
	}
	return frame
}
