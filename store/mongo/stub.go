package mongo

import "go.mongodb.org/mongo-driver/v2/mongo"

var _ = mongo.Connect
