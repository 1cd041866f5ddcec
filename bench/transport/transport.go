// Package transport is an experiment: a transport for Caddy's reverse_proxy over the lean HTTP/1.1 client fasthttp, to see what it saves, and which guarantees of the standard transport
// it loses. Its tests show each. The product does not have it.
package transport

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// Lean is an [http.RoundTripper] over fasthttp, written as well as that allows: names of headers stay as they are, bodies are streamed in both directions, and nothing is added.
type Lean struct {
	client *fasthttp.HostClient
}

// New makes a transport to one upstream. The configuration is nil for plain HTTP.
func New(address string, config *tls.Config) *Lean {
	return &Lean{client: &fasthttp.HostClient{
		Addr: address, IsTLS: config != nil, TLSConfig: config, MaxConns: 1024, MaxIdleConnDuration: 2 * time.Minute, NoDefaultUserAgentHeader: true,
		DisableHeaderNamesNormalizing: true, DisablePathNormalizing: true, StreamResponseBody: true, MaxResponseBodySize: 32 << 10,
	}}
}

// RoundTrip implements [http.RoundTripper]. The end of the request's context cannot be told to fasthttp; its deadline can.
func (l *Lean) RoundTrip(r *http.Request) (*http.Response, error) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	request.Header.DisableNormalizing()
	response.Header.DisableNormalizing()
	request.Header.SetMethod(r.Method)
	request.SetRequestURI(r.URL.RequestURI())
	if l.client.IsTLS {
		request.URI().SetScheme("https")
	}
	request.Header.SetHost(host(r))
	request.UseHostHeader = true
	for name, values := range r.Header {
		for _, value := range values {
			request.Header.Add(name, value)
		}
	}
	if r.Body != nil && r.Body != http.NoBody {
		length := int(r.ContentLength)
		if length == 0 {
			length = -1
		}
		request.SetBodyStream(r.Body, length)
	}
	var err error
	if deadline, limited := r.Context().Deadline(); limited {
		err = l.client.DoDeadline(request, response, deadline)
	} else {
		err = l.client.Do(request, response)
	}
	if err != nil {
		fasthttp.ReleaseResponse(response)
		return nil, err
	}
	return convert(r, response), nil
}

func host(r *http.Request) string {
	if r.Host != "" {
		return r.Host
	}
	return r.URL.Host
}

// convert makes a response of net/http of one of fasthttp.
func convert(r *http.Request, from *fasthttp.Response) *http.Response {
	to := &http.Response{
		StatusCode: from.StatusCode(), Status: strconv.Itoa(from.StatusCode()) + " " + string(from.Header.StatusMessage()), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), ContentLength: int64(from.Header.ContentLength()), Request: r,
	}
	for name, value := range from.Header.All() {
		to.Header.Add(string(name), string(value))
	}
	to.Header.Del("Transfer-Encoding")
	var stream io.Reader = bytes.NewReader(nil)
	if from.BodyStream() != nil {
		stream = from.BodyStream()
	} else if len(from.Body()) > 0 {
		stream = bytes.NewReader(from.Body())
	}
	to.Body = &body{Reader: stream, response: from}
	return to
}

// body gives the response back when it is closed.
type body struct {
	io.Reader
	response *fasthttp.Response
}

// Close implements [io.Closer].
func (b *body) Close() error {
	if b.response == nil {
		return nil
	}
	err := b.response.CloseBodyStream()
	fasthttp.ReleaseResponse(b.response)
	b.response, b.Reader = nil, bytes.NewReader(nil)
	return err
}
