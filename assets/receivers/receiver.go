// A webhook receiver in Go, standard library only. SIGNING_SECRET and PORT come from the environment.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

func expected(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func isGenuine(secret, timestamp, signature string, body []byte) bool {
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	off := time.Now().Unix() - sent
	if err != nil || off > 300 || off < -300 {
		return false
	}
	return hmac.Equal([]byte(expected(secret, timestamp, body)), []byte(signature))
}

func receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<21)) // the raw bytes, before any parsing
	signature := r.Header.Get("X-Wlcro-Signature")
	if err != nil || !isGenuine(os.Getenv("SIGNING_SECRET"), r.Header.Get("X-Wlcro-Timestamp"), signature, body) {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "vector" {
		vector := "sha256=25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3"
		if expected("whsec_test_secret_0123456789", "1700000000", []byte(`{"id":1}`)) != vector {
			os.Exit(1)
		}
		return
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(receive)))
}
