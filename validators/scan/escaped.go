package scan

// WellEscaped reports whether a hexadecimal number of two digits is behind each percent sign.
func WellEscaped(s string) bool {
	for at := 0; at < len(s); at += 8 {
		if percents := equal(load(s, at), '%'); percents&^(hexDigits(load(s, at+1))&hexDigits(load(s, at+2))) != 0 {
			return false
		}
	}
	return true
}
