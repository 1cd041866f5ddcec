package parsers

import (
	"encoding/binary"
	"slices"
	"testing"
)

func TestDecode(t *testing.T) {
	data := appendTexts(nil, "token")
	data = binary.BigEndian.AppendUint32(data, 2)
	data = appendTexts(data, "a", "1", "b", "")
	data = appendTexts(data, "!no")
	data = binary.BigEndian.AppendUint32(data, 0)
	readings, err := decode(data, 2)
	if err != nil {
		t.Fatal(err)
	}
	if r := readings[0]; r.Endpoint != "token" || r.Refused != "" || !slices.Equal(r.Pairs, []Pair{{"a", "1"}, {"b", ""}}) {
		t.Errorf("%+v", r)
	}
	if r := readings[1]; r.Endpoint != "" || r.Refused != "no" || r.Pairs != nil {
		t.Errorf("%+v", r)
	}
	for cut := range data {
		if _, err := decode(data[:cut], 2); err == nil {
			t.Errorf("%d of %d bytes are taken for all", cut, len(data))
		}
	}
	if _, err := decode(append(data, 0), 2); err == nil {
		t.Error("a byte too many is not noticed")
	}
}
