package scan

// WellEscaped reports whether a hexadecimal number of two digits is behind each percent sign.
func WellEscaped(s string) bool {
	at := 0
	for ; len(s)-at >= 8+2; at += 8 {
		if percents := equal(load8(s, at), '%'); percents != 0 && percents&^(hexDigits(load8(s, at+1))&hexDigits(load8(s, at+2))) != 0 {
			return false
		}
	}
	for ; at < len(s); at += 8 {
		if percents := equal(load(s, at), '%'); percents != 0 && percents&^(hexDigits(load(s, at+1))&hexDigits(load(s, at+2))) != 0 {
			return false
		}
	}
	return true
}
