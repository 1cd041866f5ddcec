package parsers

import "slices"

// Minimise leaves out pieces and fields of a request as long as the remainder still shows what found looks for.
func Minimise(request Request, found func(Request) bool) Request {
	for progress := true; progress; {
		progress = false
		for _, shorter := range shortened(request) {
			if found(shorter) {
				request, progress = shorter, true
				break
			}
		}
	}
	return request
}

// shortened lists the requests that lack one piece or field.
func shortened(request Request) []Request {
	var all []Request
	for i := range request.Query {
		one := request.clone()
		one.Query = slices.Delete(one.Query, i, i+1)
		all = append(all, one)
	}
	for i := range request.Body {
		one := request.clone()
		one.Body = slices.Delete(one.Body, i, i+1)
		all = append(all, one)
	}
	for i := range request.Header {
		one := request.clone()
		one.Header = slices.Delete(one.Header, i, i+1)
		all = append(all, one)
	}
	return all
}
