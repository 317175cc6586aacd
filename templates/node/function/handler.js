'use strict';

/**
 * @param event   { body, headers, method, query, path }
 * @param context status(code), headers({ name: value }), succeed(value), fail(error)
 * @returns the answer: text, bytes (Buffer), or an object or list, which is sent as JSON
 */
module.exports = async (event, context) => {
  return { message: 'Hello from Node.js', method: event.method, received: event.body };
};
