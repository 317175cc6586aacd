'use strict';
const express = require('express');

const app = express();
app.disable('x-powered-by');
// JSON and forms are parsed, everything else is text. `limit` is the largest body of its kind.
app.use(express.json({ limit: '1mb' }), express.urlencoded({ extended: false, limit: '1mb' }), express.text({ type: () => true, limit: '1mb' }));

// The path begins behind the function's name: /function/NAME/orders/7 is /orders/7 here.
app.use((request, response) => {
  response.json({ message: 'Hello from Express', method: request.method, received: request.body ?? '' });
});

module.exports = app;
