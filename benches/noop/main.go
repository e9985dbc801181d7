// Command noop is the least that a webhook can be: it reads a review and allows it.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync/atomic"
)

type review struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Request    *request  `json:"request,omitempty"`
	Response   *response `json:"response,omitempty"`
}

type request struct {
	UID string `json:"uid"`
}

type response struct {
	UID     string `json:"uid"`
	Allowed bool   `json:"allowed"`
}

var calls atomic.Int64

func allow(w http.ResponseWriter, r *http.Request) {
	var asked review
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Request == nil {
		http.Error(w, "no AdmissionReview", http.StatusBadRequest)
		return
	}
	calls.Add(1)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review{
		APIVersion: asked.APIVersion,
		Kind:       asked.Kind,
		Response:   &response{UID: asked.Request.UID, Allowed: true},
	})
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: noop ADDRESS:PORT KEY-AND-CERTIFICATE.pem")
	}
	http.HandleFunc("/review", allow)
	http.HandleFunc("/calls", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, calls.Load())
	})
	log.Fatal(http.ListenAndServeTLS(os.Args[1], os.Args[2], os.Args[2], nil))
}
