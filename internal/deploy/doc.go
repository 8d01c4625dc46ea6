// Package deploy holds tests of the files that people run Firth with: Dockerfile, docker-compose.yml and the folder deploy. No container engine is needed: the tests
// read the files and hold them against each other, against the settings of the program, and against the metrics of a server in this process. It has no code of its own.
package deploy
