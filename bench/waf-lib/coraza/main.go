// Coraza for the benchmark: rules and requests as JSON on the first line of standard input; then one line per batch,
// the name as a JSON string and milliseconds, answered by microseconds a request and its status.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/corazawaf/coraza/v3"
)

type request struct {
	Name     string      `json:"name"`
	Method   string      `json:"method"`
	URI      string      `json:"uri"`
	Headers  [][2]string `json:"headers"`
	Body     string      `json:"body"`
	Response string      `json:"response"`
	body     []byte
	response []byte
}

type job struct {
	Directives string    `json:"directives"`
	Files      []string  `json:"files"`
	Requests   []request `json:"requests"`
}

func check(err error, what string) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what+":", err)
		os.Exit(1)
	}
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	line, err := in.ReadBytes('\n')
	check(err, "cannot read the job")
	var todo job
	check(json.Unmarshal(line, &todo), "cannot parse the job")
	byName := map[string]*request{}
	for i := range todo.Requests {
		r := &todo.Requests[i]
		r.body, err = base64.StdEncoding.DecodeString(r.Body)
		check(err, "cannot decode a body")
		r.response, err = base64.StdEncoding.DecodeString(r.Response)
		check(err, "cannot decode a response")
		byName[r.Name] = r
	}
	config := coraza.NewWAFConfig().WithDirectives(todo.Directives)
	for _, file := range todo.Files {
		config = config.WithDirectivesFromFile(file)
	}
	start := time.Now()
	waf, err := coraza.NewWAF(config)
	check(err, "cannot load the rules")
	fmt.Println("ready", time.Since(start).Milliseconds())
	for {
		var name string
		var ms int
		if _, err := fmt.Fscanf(in, "%q %d\n", &name, &ms); err != nil {
			return
		}
		r := byName[name]
		begin := time.Now()
		limit := time.Duration(ms) * time.Millisecond
		runs, status := 0, 0
		for time.Since(begin) < limit || runs == 0 {
			status = run(waf, r)
			runs++
		}
		fmt.Println(float64(time.Since(begin).Microseconds())/float64(runs), status)
	}
}

func run(waf coraza.WAF, r *request) int {
	tx := waf.NewTransaction()
	defer tx.Close()
	defer tx.ProcessLogging()
	tx.ProcessConnection("192.0.2.1", 40000, "192.0.2.2", 80)
	tx.ProcessURI(r.URI, r.Method, "HTTP/1.1")
	for _, header := range r.Headers {
		tx.AddRequestHeader(header[0], header[1])
	}
	if it := tx.ProcessRequestHeaders(); it != nil {
		return it.Status
	}
	if len(r.body) > 0 {
		if it, _, err := tx.WriteRequestBody(r.body); it != nil || err != nil {
			return 413
		}
	}
	if it, err := tx.ProcessRequestBody(); err != nil {
		return 500
	} else if it != nil {
		return it.Status
	}
	if len(r.response) == 0 {
		return 200
	}
	tx.AddResponseHeader("Content-Type", "text/html; charset=utf-8")
	if it := tx.ProcessResponseHeaders(200, "HTTP/1.1"); it != nil {
		return it.Status
	}
	if it, _, err := tx.WriteResponseBody(r.response); it != nil || err != nil {
		return 500
	}
	if it, err := tx.ProcessResponseBody(); err != nil {
		return 500
	} else if it != nil {
		return it.Status
	}
	return 200
}
