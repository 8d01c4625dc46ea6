// Package config is the one table of settings of the firth command. Each setting has a flag (--max-body), an environment variable
// (FIRTH_MAX_BODY) and a place in a YAML file (limits.body); the flag wins over the variable, the variable over the file, the file over the default.
//
// It owns names, syntax, defaults and limits of the settings and the rule for development mode (loopback addresses only). It does not open, listen or
// log anything; cmd/firth does that with the [Config] it gets.
package config
